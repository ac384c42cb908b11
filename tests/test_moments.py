"""Waiting and opening times as readers are told them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from kb.handover.moments import day, duration, moment
from kb.handover.wording import told
from kb.results import HandedOver

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)  # a Sunday
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("minutes", "english", "chinese"),
    [
        (0, "1 minute", "1分钟"),
        (4, "4 minutes", "4分钟"),
        (119, "119 minutes", "119分钟"),
        (130, "2 hours", "2小时"),
        (2_900, "2 days", "2天"),
    ],
)
def test_a_wait_is_told_in_the_largest_unit_that_says_enough(minutes: int, english: str, chinese: str) -> None:
    assert (duration(minutes, "en"), duration(minutes, "zh-Hans")) == (english, chinese)


@pytest.mark.parametrize(
    ("text", "english", "chinese"),
    [
        ("2026-11-30T09:00:00+08:00", "Monday 09:00", "星期一 09:00"),
        ("2026-11-30T01:00:00Z", "Monday 09:00", "星期一 09:00"),
        ("2026-11-30T01:00:00", "Monday 09:00", "星期一 09:00"),
        ("2026-12-21T09:00:00+08:00", "Mon 21 Dec 09:00", "12月21日周一 09:00"),
        ("2026-12-21", "Monday, 21 December 2026", "2026年12月21日星期一"),
        ("soon", "soon", "soon"),
    ],
)
def test_an_opening_time_names_its_day_and_only_far_off_its_date(text: str, english: str, chinese: str) -> None:
    assert moment(text, "en", SHANGHAI, now=NOW) == english
    assert moment(text, "zh-Hans", SHANGHAI, now=NOW) == chinese


def test_a_day_is_that_of_the_centre() -> None:
    assert day("2026-11-30T20:00:00+00:00", "en", SHANGHAI) == "1 December 2026"


def test_who_is_handed_over_is_told_times_in_words() -> None:
    handed = HandedOver("1", "closed", "asked_for_human", waiting_minutes=4, closed_until="2090-01-06T09:00:00+08:00")
    assert told(handed, "en").endswith("Expected wait: about 4 minutes. Back at: Fri 6 Jan 09:00.")
    assert told(handed, "zh").endswith("预计等待约4分钟。恢复服务时间：1月6日周五 09:00。")
    assert told(handed, "zh-Hant").endswith("預計等候約4 分鐘。恢復服務時間：1月6日週五 09:00。")
