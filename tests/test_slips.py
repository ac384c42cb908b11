"""A question is read as it was meant where it was misspelt, misheard or typed in pinyin, and otherwise left alone."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
import rjieba
from hypothesis import given
from hypothesis import strategies as st

from kb.search.lexicon import Lexicon, readings, syllables
from kb.search.slips import Slip, find_slips, mended
from kb.search.terms import terms

TITLES = (
    "云洗 W6 洗衣机故障代码",
    "忘记密码怎么办",
    "退款多久到账",
    "七天无理由退货",
    "空调不冷",
    "CloudWash W6 washing machine error codes",
    "BreezeLine A9 air conditioner",
    "Refund times",
)
PASSAGES = (
    *TITLES,
    "洗衣机 显示 E3 怎么 办 洗衣机 不 进水 排水 E1 F2",
    "退款 多久 到账 退款 退货 运费 谁 出",
    "清风 空调 不冷 清风 A9 空调",
    "the refund for your washing machine takes three days and the warranty covers the delivery",
    "E-4021 payment declined; E-1107 no connection; HW-W6-80 E3",
)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    counts, words = Counter[str](), Counter[str]()
    for passage in PASSAGES * 5:
        counts.update(set(terms(passage)))
        words.update({word.lower() for word in rjieba.cut(passage) if word.strip()})
    return Lexicon(counts, words, TITLES)


def meant(question: str, lexicon: Lexicon) -> str:
    return mended(question, find_slips(question, lexicon))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("when is my refumd due", "when is my refund due"),
        ("waranty on the wahsing machine", "warranty on the washing machine"),
        ("delviery time", "delivery time"),
        ("我的洗衣鸡不进水", "我的洗衣机不进水"),
        ("退宽多久到账", "退款多久到账"),
        ("冼衣机坏了", "洗衣机坏了"),
        ("tuikuan duojiu daozhang", "退款多久到账"),
        ("xiyiji bu jinshui", "洗衣机不进水"),
        ("xiyijibujinshui", "洗衣机不进水"),
        ("xianshi yi san", "显示E3"),
        ("wjmm", "忘记密码"),
        ("xyj E3", "洗衣机 E3"),
        ("qtwlyth", "七天无理由退货"),
        ("洗衣机显示一三是怎么了", "洗衣机显示E3是怎么了"),
        ("洗衣机那个易三一直响", "洗衣机那个E3一直响"),
        ("显示艾弗二", "显示F2"),
        ("易四零二幺刷不过", "E-4021刷不过"),
        ("意四千零二十一付不了款", "E-4021付不了款"),
        ("手机上提示一杠幺幺零七", "手机上提示E-1107"),
        ("it says ee three", "it says E3"),
        ("E for echo three on it", "E3 on it"),
        ("the app gives me e eleven oh seven", "the app gives me E-1107"),
        ("failed with e forty twenty one", "failed with E-4021"),
        ("error eleven zero seven again", "error E-1107 again"),
        ("h w w six eighty is stuck", "HW-W6-80 is stuck"),
        ("foxtrot two on the display", "F2 on the display"),
        ("cloud watch w six", "cloudwash W6"),
        ("bree's line a nine", "breezeline A9"),
    ],
)
def test_a_slip_is_read_as_it_was_meant(question: str, expected: str, lexicon: Lexicon) -> None:
    assert meant(question, lexicon) == expected


@pytest.mark.parametrize(
    "question",
    [
        "can men change size",
        "did it arrive yesterday",
        "洗衣机显示 E3",
        "HW-W6-80 shows E-4021",
        "一三五可以送货吗",
        "等了一三天",
        "请注意一下运费",
        "it broke a nine months ago",
        "refund to PayPal via GCP",
        "see www.refumd.com/dilivery",
        "什么时候退货",
        "洗衣机",
        "",
    ],
)
def test_a_question_that_reads_well_is_left_alone(question: str, lexicon: Lexicon) -> None:
    assert find_slips(question, lexicon) == ()


def test_slips_name_their_places_in_order_and_never_overlap(lexicon: Lexicon) -> None:
    question = "ＸＹ 洗衣鸡 refumd, 易三！"
    slips = find_slips(question, lexicon)
    assert [(question[s.start : s.end], s.meant, s.why) for s in slips] == [
        ("洗衣鸡", "洗衣机", "homophone"),
        ("refumd", "refund", "typo"),
        ("易三", "E3", "spoken_code"),
    ]
    assert all(a.end <= b.start for a, b in pairwise(slips))


def test_only_codes_of_the_index_come_out(lexicon: Lexicon) -> None:
    assert meant("显示易九", lexicon) == "显示易九"
    assert meant("it says ee nine", lexicon) == "it says ee nine"


def test_an_empty_index_changes_nothing() -> None:
    empty = Lexicon({}, {}, ())
    for question in ("refumd", "洗衣鸡", "xiyiji", "wjmm", "易三", "ee three", "spring heat"):
        assert find_slips(question, empty) == ()


def test_mending_replaces_each_stretch() -> None:
    slips = (Slip(0, 1, "xx", "typo"), Slip(2, 3, "", "typo"))
    assert mended("abcd", slips) == "xxbd"


def test_a_word_sounds_as_it_is_said_in_that_word() -> None:
    assert syllables("重庆") == ("chong", "qing")
    assert readings("重")[:2] == ("zhong", "chong")
    assert syllables("绿") == ("lv",)


@given(text=st.text(alphabet="易三一幺杠十千第个艾弗洗衣鸡机退宽 -eEaA9xyijfortwo'½①〇ＸÅ\n,.", max_size=30))
def test_any_text_is_read_without_errors_and_its_slips_are_places_in_it(text: str, lexicon: Lexicon) -> None:
    slips = find_slips(text, lexicon)
    assert all(0 <= slip.start < slip.end <= len(text) for slip in slips)
    assert all(a.end <= b.start for a, b in pairwise(slips))


def test_a_title_with_a_rare_character_beside_latin_letters_breaks_no_question() -> None:
    counts = Counter({"washing": 5})
    plain, rare = (Lexicon(counts, counts, (title, "退款多久到账")) for title in ("n1 x", "n1 䲟"))
    assert find_slips("tkdjdz washing", rare) == find_slips("tkdjdz washing", plain)
    text, initials, _ = rare.title_initials
    assert (len(text), text[:4], initials[:4]) == (len(initials), "n1 䲟", "n1 䲟")
