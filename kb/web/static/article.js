// An article's page: the cited sentence is brought into view and given the focus, for eyes and screen readers alike.
"use strict";
(() => {
  const cited = document.getElementById("cited");
  if (!cited) return;
  cited.tabIndex = -1;
  cited.scrollIntoView({ block: "center" });
  cited.focus({ preventScroll: true });
})();
