"""Settings: a flag, then `KB_*`, then `kb.toml` in the home, then the default; an unknown one is an error."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import datetime, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from kb import possible
from kb.errors import SettingsError
from kb.logs import FORMATS, LEVELS
from kb.paths import Paths as Paths

Place = Literal["file", "variable", "flag"]
"""Where a setting is chosen: `kb.toml`, the environment, the command line."""
ELSEWHERE = {"KB_HOME", "KB_MODEL_DIR", "KB_SERVE"}
"""Variables that are not settings: where the home is, where models are unpacked, what `serve` tells its workers."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator may choose; each field is a key of `kb.toml` and, upper-cased after `KB_`, a variable."""

    model: str = "bundled"
    """`bundled`, a sentence-transformers folder, or a hub name."""
    runtime: str = "auto"
    """What the model runs on: `torch`, `openvino`, or `auto`, which is OpenVINO where it is installed and can."""
    query_prompt: str | None = None
    """Put before a question; default: what the model's own configuration says."""
    passage_prompt: str | None = None
    """Put before a passage; default: what the model's own configuration says."""
    timezone: str | None = None
    """IANA name for dates without a zone; default: the system's."""
    keep: tuple[str, ...] = ()
    """The centre's own telephone numbers and mail addresses, which redaction leaves alone."""
    ticket_months: int = 18
    """How many months after it was closed a ticket is still found."""
    approval: bool = False
    """Whether an article goes live only once somebody else than its writers has approved it, however it was edited."""
    golden: tuple[str, ...] = ()
    """Files of golden questions below the home, which a new generation must answer as well as the live one; default:
    `golden.jsonl` where there is one."""
    min_confidence: float | None = None
    """Answer only at or above this probability; default: the one shipped with the confidence model."""
    max_wrong: float | None = None
    """The share of delivered answers that may be wrong; sets the probability by what was measured. Default: 5% of
    what could be answered is refused."""
    budget_ms: int = 300
    """Milliseconds after which a question leaves out the steps that are optional; 0 sets no limit."""
    max_requests: int = 256
    """How many questions one serving process has at hand at most; a further one is told at once to come again."""
    journal_days: int = 180
    """How many days what was asked, told and said of it is kept."""
    inbox_days: int = 30
    """How long a help desk's ticket waits to be published; then it is deleted, unpublished."""
    call_hours: int = 24
    """How many hours what was said on a call is kept."""
    assist_ms: int = 60
    """Milliseconds from a customer's utterance to a suggestion; a further look is left out where it would end late."""
    conversation_hours: float = 24.0
    """How many hours after its last turn a conversation can be gone on with; then its turns are deleted."""
    sms_characters: int = 300
    """How long the text of the channel `sms` may be, the address of the article not counted; 0 sets no limit."""
    ivr_characters: int = 600
    """How long the text of the channel `ivr`, which is read aloud, may be; 0 sets no limit."""
    key_requests: int = 60_000
    """How many requests a minute one key or person may make; 0 sets no limit."""
    address_requests: int = 6_000
    """How many requests a minute may come from one address without a key; 0 sets no limit."""
    signin_attempts: int = 10
    """How many sign-ins a minute may be tried for one name; ten times as many from one address."""
    session_idle_minutes: int = 60
    """A session that is not used for so long ends."""
    session_hours: int = 12
    """A session ends after so long, however much it is used."""
    sources: dict[str, dict[str, Any]] = {}
    """How records of other systems are read, by the source's name; only in `kb.toml`, as sections."""
    import_megabytes: int = 50
    """How large one file that is imported as drafts may be, also all of one upload together."""
    import_unpacked_megabytes: int = 300
    """How much a DOCX file may unpack to."""
    import_image_megabytes: int = 10
    """How large one picture of an imported document may be."""
    import_files: int = 2_000
    """How many files one import may have."""
    tickets_keys: tuple[str, ...] = ()
    """Ids of keys that may send tickets to `/api/tickets` whatever their role; editors may anyway."""
    tickets_secret: str | None = None
    """What deliveries to `/api/tickets` are signed with; where it is set, one without a signature is refused."""
    sites: tuple[str, ...] = ()
    """Origins of the centre's own sites, whose pages may call the service and show its widget."""
    framed_sessions: bool = False
    """Whether people may sign in to the console within a page of `sites`: by a cookie for that page alone."""
    categories: dict[str, dict[str, str]] = {}
    """What a category of articles is called, by language (`en`, `zh`); only in `kb.toml`, as sections."""
    public_url: str | None = None
    """Where people reach the service, where that is not where it listens: behind a proxy."""
    metrics: str = "admin"
    """Who may read `/metrics`: `admin` (that role), or `loopback` (besides, whoever calls from this machine)."""
    oidc_issuer: str | None = None
    """The OpenID Connect issuer through which people sign in."""
    oidc_client_id: str | None = None
    """What this service is called at the issuer."""
    oidc_client_secret: str | None = None
    """What it proves that with, where the issuer asks for more than PKCE; better as a variable than in a file."""
    oidc_roles: tuple[str, ...] = ()
    """Whom the issuer's word gives which role: `CLAIM:VALUE=ROLE`, or `ROLE+GROUP+GROUP`."""
    llm_url: str | None = None
    """An OpenAI-compatible endpoint, such as `https://llm.example/v1`, whose model puts answers into words; without it
    answers quote."""
    llm_model: str = "default"
    """What the endpoint calls the model."""
    llm_key: str | None = None
    """What the endpoint is asked with; better as a variable than in a file."""
    llm_timeout_s: float = 8.0
    """Seconds that a question waits for the model; then its answer quotes."""
    llm_requests: int = 600
    """How many requests a minute the model gets from all workers together; a further answer quotes."""
    llm_external: bool = True
    """Whether the model is somebody else's: it is then given public passages only, whoever asks."""
    llm_label: str | None = None
    """Told with each generated answer; default: a sentence that says so, in the asker's language."""
    handover_url: str | None = None
    """The centre's webhook, to which hand-overs are posted; https, or http on this machine."""
    handover_secret: str | None = None
    """What hand-overs are signed with; default: `data/handover.key`, made at first need."""
    handover_public_key: str | None = None
    """The receiver's X25519 key (base64): then the envelope is sealed for it alone, on its way too."""
    handover_topics: tuple[str, ...] = ("self_harm", "bereavement")
    """What is always for a person: `self_harm`, `bereavement`, `legal`, or words of the centre's own."""
    handover_turns: int = 20
    """After so many of a customer's turns in one conversation a person is due; 0 sets no limit."""
    handover_minutes: int = 30
    """After so many minutes of one conversation a person is due; 0 sets no limit."""
    handover_wait_ms: int = 1_500
    """How long a customer waits for the webhook's reply before they are told that it is on its way."""
    handover_retry_seconds: float = 2.0
    """The pause after the first try that failed; it doubles, up to five minutes."""
    handover_hours: int = 24
    """How long it is tried; then it is a dead letter."""
    envelope_key: tuple[str, ...] = ()
    """Fernet keys, the newest first, which encrypts; default: `data/envelope.key`, made at first need."""
    envelope_hours: int = 24
    """An envelope that nobody has acknowledged is deleted after so long."""
    log: str = "auto"
    """How a service logs: `text`, `json`, or `auto`, which is text where a person watches, at a terminal."""
    log_level: str = "info"
    """From where on it logs: `debug`, `info`, `warning` or `error`."""


_LISTS = ("keep", "golden", "sites", "oidc_roles", "tickets_keys", "handover_topics", "envelope_key")
_IMPORTS = ("import_megabytes", "import_unpacked_megabytes", "import_image_megabytes", "import_files")
RUNTIMES = ("auto", "torch", "openvino")
"""What the setting `runtime` may say."""


def load_settings(home: Path, flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of the home, `flags` winning over the environment, the environment over `kb.toml`.

    Raises SettingsError naming the setting, where it was found, and what is known or accepted.
    """
    values: dict[str, Any] = {}
    called = {"file": str(home / "kb.toml"), "variable": "the environment", "flag": "the command line"}
    for place, found in _layers(home, flags, environment).items():
        origin = called[place]
        _refuse_unknown(found, origin)
        _check_types(found, origin)
        values |= found
    settings = msgspec.convert(values, Settings, strict=False)
    _refuse_impossible(settings)
    return settings


def origins(home: Path, flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> dict[str, Place]:
    """Where each setting was chosen that is not left to its default. Raises SettingsError."""
    return {name: place for place, found in _layers(home, flags, environment).items() for name in found}


MODEL_KEYS = ("model", "query_prompt", "passage_prompt")
"""The settings that name the embedding model."""


def deciding(settings: Settings) -> dict[str, Any]:
    """The settings that decide what is written, as plain values: whoever hands over a job must have the same."""
    names = (*MODEL_KEYS, "timezone", "keep", "ticket_months", "approval")
    values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    return {name: values[name] for name in names}


def zone(settings: Settings) -> tzinfo:
    """The home's time zone, for dates written without one."""
    if settings.timezone is not None:
        return ZoneInfo(settings.timezone)
    local = datetime.now().astimezone().tzinfo
    assert local is not None  # noqa: S101 - astimezone always sets one
    return local


def _layers(home: Path, flags: Mapping[str, Any], environment: Mapping[str, str]) -> dict[Place, dict[str, Any]]:
    """What each place says; the later wins."""
    return {
        "file": _from_file(home / "kb.toml"),
        "variable": _from_environment(environment),
        "flag": {name: value for name, value in flags.items() if value is not None},
    }


def _from_file(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: not valid TOML: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in environment.items():
        if name.startswith("KB_") and name not in ELSEWHERE and value != "":
            key = name.removeprefix("KB_").lower()
            found[key] = _parse_value(key, value)
    return found


def parse_flag(text: str) -> tuple[str, str | list[str]]:
    """A setting as `--set` takes it. Raises SettingsError."""
    key, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"--set {text!r}: accepted is KEY=VALUE, such as --set timezone=Asia/Shanghai")
    return key.strip(), _parse_value(key.strip(), value.strip())


def _parse_value(key: str, text: str) -> str | list[str]:
    """A setting's value as a shell writes it: lists are comma-separated."""
    return [part.strip() for part in text.split(",") if part.strip()] if key in _LISTS else text


def _refuse_unknown(found: Mapping[str, Any], origin: str) -> None:
    known = [field.name for field in msgspec.structs.fields(Settings)]
    for name in found:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"{origin}: unknown setting {name!r}{hint} Known: {', '.join(sorted(known))}")


def _check_types(found: Mapping[str, Any], origin: str) -> None:
    try:
        msgspec.convert(dict(found), Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{origin}: {error}") from error


def _refuse_impossible(settings: Settings) -> None:
    if settings.min_confidence is not None and not 0 <= settings.min_confidence <= 1:
        raise SettingsError(f"min_confidence: {settings.min_confidence} is not a probability (0 to 1)")
    if settings.runtime not in RUNTIMES:
        raise SettingsError(f"runtime: {settings.runtime!r} is none of {', '.join(RUNTIMES)}")
    if settings.max_wrong is not None and not 0 < settings.max_wrong < 1:
        raise SettingsError(f"max_wrong: {settings.max_wrong} is not a share between 0 and 1, such as 0.05")
    if settings.budget_ms < 0:
        raise SettingsError(
            f"budget_ms: {settings.budget_ms} is negative; accepted are milliseconds, or 0 for no limit"
        )
    if settings.max_requests < 1:
        raise SettingsError(f"max_requests: {settings.max_requests} would refuse every question; accepted is 1 or more")
    for name in ("journal_days", "inbox_days"):
        if (found := getattr(settings, name)) < 1:
            raise SettingsError(f"{name}: {found} is not a positive number of days")
    for name in ("call_hours", "assist_ms", *_IMPORTS):
        if (found := getattr(settings, name)) < 1:
            raise SettingsError(f"{name}: {found} is too small; accepted is 1 or more")
    if not 0 < settings.conversation_hours <= 24 * 365:
        raise SettingsError(f"conversation_hours: {settings.conversation_hours:g} is not between 0 and a year")
    possible.check_access(settings)
    possible.check_model(settings)
    possible.check_handover(settings)
    for name, known in (("log", FORMATS), ("log_level", LEVELS)):
        if (value := getattr(settings, name)) not in known:
            raise SettingsError(f"{name}: {value!r} is none of {', '.join(known)}")
    if settings.ticket_months < 1:
        raise SettingsError(f"ticket_months: {settings.ticket_months} is not a positive number of months")
    try:
        zone(settings)
    except (KeyError, ValueError, OSError) as error:
        raise SettingsError(
            f"timezone: {settings.timezone!r} is not an IANA time zone such as 'Asia/Shanghai'"
        ) from error
