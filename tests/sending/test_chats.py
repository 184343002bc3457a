"""config/chats.yaml: who has which chat; addresses by reference, problems in Chinese with their place, no secret repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.deciding.addressees import Addressee, key_of
from bot.core.rules.rulebook import Role
from bot.rulefiles.text.problems import Problem
from bot.sending.chats import FILE, Chats, address_of, load_chats, setup_of
from tests.kit.rules_factory import place_of

UNITS = ("县委教育工委", "县教育局", "县财政局")
HOOK = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7000-4bc4-97a0-0ec2sifa5aaa"
LOCAL = "http://127.0.0.1:9/cgi-bin/webhook/send?key=k"


def load(home: Path, text: str, units: tuple[str, ...] | None = UNITS) -> tuple[Chats, tuple[Problem, ...]]:
    (home / "config").mkdir(exist_ok=True)
    (home / FILE).write_text(text, "utf-8")
    return load_chats(home, units)


def only_problem(home: Path, text: str) -> Problem:
    _, (problem,) = load(home, text)
    assert problem.file == FILE
    return problem


def one(robot: str, chat: str = "县教育局") -> str:
    return f"群聊:\n  {chat}:\n    - {robot}\n"


def test_without_the_file_there_are_no_chats_and_no_problem(tmp_path: Path) -> None:
    assert load_chats(tmp_path, UNITS) == (Chats(), ())


# --- 也发: several chats of one name -----------------------------------------------


SEVERAL = f"""群聊:
  县教育局:
    - {{方言: wecom, 地址: '{LOCAL}1'}}
  县财政局: 县教育局
  基础教育股:
    - {{方言: wecom, 地址: '{LOCAL}2'}}
"""


def test_a_unit_may_be_told_in_further_chats_that_belong_to_nobody_else(tmp_path: Path) -> None:
    chats, problems = load(tmp_path, SEVERAL + "也发:\n  县教育局: 基础教育股\n  县财政局: [基础教育股]\n")
    assert problems == ()
    assert chats.directory.also == {"县教育局": ("基础教育股",), "县财政局": ("基础教育股",)}
    assert set(chats.robots) == {"县教育局", "基础教育股"}


@pytest.mark.parametrize(
    ("written", "code", "line", "said"),
    [
        ("县教育局: 基础教育古", "unknown-chat", 8, "基础教育股"),
        ("县教有局: 基础教育股", "unknown-unit", 8, "县教育局"),
        ("县教育局: [基础教育股, 基础教育股]", "same-chat", 8, "已经是"),
        ("县教育局: [基础教育股, 县财政局]", "same-chat", 8, "已经是"),
    ],
)
def test_a_slip_in_a_further_chat_is_explained_at_its_place(
    tmp_path: Path, written: str, code: str, line: int, said: str
) -> None:
    _, problems = load(tmp_path, f"{SEVERAL}也发:\n  {written}\n")
    problem = next(one for one in problems if one.code == code and one.line == line)
    assert said in str(problem)


def test_a_chat_of_no_unit_that_nobody_is_told_in_is_still_a_slip(tmp_path: Path) -> None:
    assert only_problem(tmp_path, SEVERAL).code == "unknown-unit"


# --- references -------------------------------------------------------------------


def test_addresses_and_secrets_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_JYJ", f" {HOOK}\n")
    monkeypatch.setenv("CHAT_JYJ_SECRET", "SEC123")
    chats, problems = load(
        tmp_path, one("{方言: dingtalk, 地址: env:CHAT_JYJ, 密钥: env:CHAT_JYJ_SECRET, 关键词: 督办}")
    )
    assert problems == ()
    (robot,) = chats.robots["县教育局"]
    assert robot.name == "县教育局#1"
    assert robot.url.get_secret_value() == HOOK
    assert robot.secret is not None
    assert robot.secret.get_secret_value() == "SEC123"
    assert robot.keyword == "督办"


def test_addresses_come_from_files_beside_the_home_folder_or_anywhere(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "url").write_bytes(b"\xef\xbb\xbf" + HOOK.encode() + b"\r\n")
    (tmp_path / "elsewhere").write_text("SEC", "utf-8")
    chats, problems = load(
        tmp_path, one(f"{{方言: feishu, 地址: file:secrets/url, 密钥: 'file:{tmp_path / 'elsewhere'}'}}")
    )
    assert problems == ()
    assert chats.robots["县教育局"][0].url.get_secret_value() == HOOK
    assert chats.files == (tmp_path / "secrets" / "url", tmp_path / "elsewhere")


def test_a_full_width_colon_in_a_reference_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_JYJ", HOOK)
    assert load(tmp_path, one("{方言: wecom, 地址: env：CHAT_JYJ}"))[0].robots


@pytest.mark.parametrize(
    "literal",
    [
        HOOK,
        "http://127.0.0.1.example.com/x",
        "http://127.evil.cn/x",
        "http://[::1",
        "http://localhost.evil.cn/",
        "https://10.0.0.8/x",
        "just-a-word-0f2c9a31",
    ],
)
def test_a_literal_address_elsewhere_is_refused_and_not_repeated(tmp_path: Path, literal: str) -> None:
    chats, problems = load(tmp_path, one(f"{{方言: wecom, 地址: '{literal}'}}"))
    assert chats.robots == {}
    [problem] = problems
    assert (problem.line, problem.code) == (3, "literal-secret")
    assert "env:" in problem.hint
    assert literal not in str(problem)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "[::1]"])
def test_on_loopback_address_and_secret_may_be_literal(tmp_path: Path, host: str) -> None:
    chats, problems = load(tmp_path, one(f"{{方言: dingtalk, 地址: 'http://{host}:9/x', 密钥: SEC-literal}}"))
    assert problems == ()
    assert chats.robots["县教育局"][0].secret is not None


def test_a_literal_secret_for_a_real_address_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_JYJ", HOOK)
    problem = only_problem(tmp_path, one("{方言: dingtalk, 地址: env:CHAT_JYJ, 密钥: SEC-literal}"))
    assert problem.code == "literal-secret"
    assert "SEC-literal" not in str(problem)


@pytest.mark.parametrize(
    ("reference", "says"),
    [("env:NOT_SET_AT_ALL", "环境变量 NOT_SET_AT_ALL 没有设置"), ("file:no/such", "读不到"), ("file:empty", "是空的")],
)
def test_a_reference_to_nothing_is_said_and_its_robot_left_out(tmp_path: Path, reference: str, says: str) -> None:
    (tmp_path / "empty").write_text(" \n", "utf-8")
    text = f"群聊:\n  县教育局:\n    - {{方言: wecom, 地址: '{reference}'}}\n    - {{方言: wecom, 地址: '{LOCAL}'}}\n"
    chats, (problem,) = load(tmp_path, text)
    assert says in problem.message
    assert (problem.line, problem.is_error) == (3, True)
    assert [robot.name for robot in chats.robots["县教育局"]] == ["县教育局#2"]


# --- names -------------------------------------------------------------------------


def test_an_unknown_chat_is_an_error_with_a_near_match(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, one(f"{{方言: wecom, 地址: '{LOCAL}'}}", "县教肓局"))
    assert (problem.line, problem.column) == (2, 3)
    assert "县教肓局" in problem.message
    assert "是不是“县教育局”？" in problem.hint


def test_while_rules_are_broken_any_name_may_have_a_chat(tmp_path: Path) -> None:
    chats, problems = load(tmp_path, one(f"{{方言: wecom, 地址: '{LOCAL}'}}", "某单位"), units=None)
    assert problems == ()
    assert "某单位" in chats.robots


def test_an_unknown_dialect_is_an_error_with_a_near_match(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, one(f"{{方言: wecon, 地址: '{LOCAL}'}}"))
    assert "是不是“wecom”？" in problem.hint


@pytest.mark.parametrize("name", ["县教育局分管领导", "县教育局/分管领导", "县教育局·分管领导", "县教育局　分管领导"])
def test_a_unit_s_supervisor_may_be_written_in_several_ways(tmp_path: Path, name: str) -> None:
    chats, problems = load(tmp_path, one(f"{{方言: wecom, 地址: '{LOCAL}'}}", name))
    assert problems == ()
    assert list(chats.robots) == ["县教育局·分管领导"]


def test_a_problem_under_a_supervisor_stands_at_its_line(tmp_path: Path) -> None:
    text = one("{方言: wecom, 地址: env:NOT_SET_AT_ALL}", "县教育局分管领导")
    problem = only_problem(tmp_path, text)
    assert (problem.line, problem.column) == place_of(text, "env:")


def test_one_chat_written_in_two_ways_is_an_error(tmp_path: Path) -> None:
    robot = f"\n    - {{方言: wecom, 地址: '{LOCAL}'}}\n"
    problem = only_problem(tmp_path, f"群聊:\n  县教育局分管领导:{robot}  县教育局·分管领导: 县教育局分管领导\n")
    assert (problem.line, problem.code) == (4, "duplicate-chat")


def test_two_units_may_share_a_chat(tmp_path: Path) -> None:
    chats, problems = load(tmp_path, one(f"{{方言: wecom, 地址: '{LOCAL}'}}") + "  县委教育工委: 县教育局\n")
    assert problems == ()
    addressee = Addressee("县委教育工委", "县委教育工委", Role.LEAD, frozenset({Role.LEAD}))
    assert chats.directory.route(addressee) == ("县教育局", "")
    assert list(chats.robots) == ["县教育局"]


def test_sharing_a_chat_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, one(f"{{方言: wecom, 地址: '{LOCAL}'}}") + "  县委教育工委: 县教肓局\n")
    assert problem.line == 4
    assert "是不是“县教育局”？" in problem.hint


def test_the_same_robot_in_two_chats_keeps_one_name_and_is_remarked(tmp_path: Path) -> None:
    text = one(f"{{方言: wecom, 地址: '{LOCAL}'}}") + f"  县财政局:\n    - {{方言: wecom, 地址: '{LOCAL}'}}\n"
    chats, (problem,) = load(tmp_path, text)
    assert not problem.is_error
    assert "县教育局#1" in problem.message
    assert {robot.name for robots in chats.robots.values() for robot in robots} == {"县教育局#1"}


def test_the_admin_s_chat_is_known_to_be_missing(tmp_path: Path) -> None:
    assert not load(tmp_path, one(f"{{方言: wecom, 地址: '{LOCAL}'}}"))[0].has_admin
    assert load(tmp_path, one(f"{{方言: wecom, 地址: '{LOCAL}'}}", "管理员"))[0].has_admin


@pytest.mark.parametrize(
    "text", ["群聊: [", "群聊:\n  县教育局:\n    - {方言: wecom}\n", "群: {}\n", "群聊:\n\t县教育局: x\n"]
)
def test_a_file_that_cannot_be_read_says_where_and_gives_no_chat(tmp_path: Path, text: str) -> None:
    chats, problems = load(tmp_path, text)
    assert chats.robots == {}
    assert problems
    assert all(problem.is_error and problem.file == FILE for problem in problems)


# --- dialects of one's own, and the way to them --------------------------------------------


TLS = Path(__file__).parents[1] / "data" / "tls"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize(
    ("written", "style"),
    [
        ("方言: wecom", "markdown"),
        ("方言: wecom, 格式: text", "text"),
        ("方言: lanxin", "text"),
        ("方言: webhook, 送达判据: 2xx", "text"),
        ("方言: webhook, 送达判据: slack, 格式: slack", "slack"),
    ],
)
def test_a_robot_has_the_style_written_or_its_dialect_s_first(tmp_path: Path, written: str, style: str) -> None:
    chats, problems = load(tmp_path, one(f"{{{written}, 地址: '{LOCAL}'}}"))
    assert problems == ()
    assert chats.robots["县教育局"][0].style == style


def test_a_webhook_without_a_rule_of_success_keeps_2xx_and_is_hinted_at(tmp_path: Path) -> None:
    chats, problems = load(tmp_path, one(f"{{方言: webhook, 地址: '{LOCAL}'}}"))
    assert chats.robots["县教育局"][0].success == ""
    assert [(problem.code, problem.is_error) for problem in problems] == [("no-success-rule", False)]


def test_a_platform_with_codes_needs_no_rule_of_success(tmp_path: Path) -> None:
    _, problems = load(tmp_path, one(f"{{方言: wecom, 送达判据: json, 地址: '{LOCAL}'}}"))
    assert [(problem.code, problem.is_error) for problem in problems] == [("useless-success", False)]


def test_a_style_the_dialect_does_not_know_is_an_error_with_those_it_does(tmp_path: Path) -> None:
    text = one(f"{{方言: lanxin, 格式: slack, 地址: '{LOCAL}'}}")
    problem = only_problem(tmp_path, text)
    assert (problem.line, problem.column) == place_of(text, "slack")
    assert problem.hint == "可用：text"


def test_a_secret_its_platform_cannot_sign_with_is_an_error_that_does_not_repeat_it(tmp_path: Path) -> None:
    text = one(f"{{方言: webhook, 送达判据: json, 地址: '{LOCAL}', 密钥: SEC-literal}}")
    problem = only_problem(tmp_path, text)
    assert (problem.line, problem.code) == (3, "bad-secret")
    assert "whsec_" in problem.message
    assert "SEC-literal" not in str(problem)
    assert load(tmp_path, text.replace("SEC-literal", WHSEC))[1] == ()


def test_a_platform_of_one_s_own_has_proxy_root_and_private_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_JYJ", "https://im.example.cn:8443/prefix/robot/send?access_token=0f2c9a31d113")
    monkeypatch.setenv("PROXY", "http://ban:password-0f2c9a31@10.1.1.1:3128")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "root.pem").write_bytes((TLS / "ca.pem").read_bytes())
    text = one("{方言: dingtalk, 地址: env:CHAT_JYJ, 代理: env:PROXY, 根证书: config/root.pem, 允许内网: 是}")
    chats, problems = load(tmp_path, text)
    assert problems == ()
    [robot] = chats.robots["县教育局"]
    assert robot.proxy is not None
    assert robot.proxy.get_secret_value().endswith("@10.1.1.1:3128")
    assert (robot.authority, robot.inside) == ((TLS / "ca.pem").read_text(), True)
    assert chats.files == (tmp_path / "config" / "root.pem",)
    assert "password-0f2c9a31" not in f"{chats!r} {robot!r} {setup_of(robot)}"


@pytest.mark.parametrize(
    "proxy", ["socks5://10.1.1.1:1080", "https://10.1.1.1:3128", "10.1.1.1:3128", "http://10.1.1.1"]
)
def test_a_proxy_of_another_kind_is_an_error_that_does_not_repeat_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("PROXY", proxy)
    problem = only_problem(tmp_path, one(f"{{方言: wecom, 地址: '{LOCAL}', 代理: env:PROXY}}"))
    assert problem.code == "bad-proxy"
    assert proxy not in problem.message


def test_a_proxy_s_address_is_never_literal_unless_it_is_here(tmp_path: Path) -> None:
    assert (
        only_problem(tmp_path, one(f"{{方言: wecom, 地址: '{LOCAL}', 代理: 'http://10.1.1.1:3128'}}")).code
        == "literal-secret"
    )
    assert load(tmp_path, one(f"{{方言: wecom, 地址: '{LOCAL}', 代理: 'http://127.0.0.1:3128'}}"))[1] == ()


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nno\n", b"\xff\xfe"])
def test_a_root_that_is_none_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "root.pem").write_bytes(content)
    text = one(f"{{方言: wecom, 地址: '{LOCAL}', 根证书: root.pem}}")
    problem = only_problem(tmp_path, text)
    assert (problem.code, (problem.line, problem.column)) == ("bad-authority", place_of(text, "root.pem"))


@pytest.mark.parametrize("more", ["代理: 'http://127.0.0.1:3128'", "根证书: root.pem", "允许内网: 是"])
def test_another_way_to_a_robot_is_another_set_up_and_the_same_address(tmp_path: Path, more: str) -> None:
    (tmp_path / "root.pem").write_bytes((TLS / "ca.pem").read_bytes())
    robot = f"{{方言: wecom, 地址: '{LOCAL}'}}"
    [before] = load(tmp_path, one(robot))[0].robots["县教育局"]
    [after] = load(tmp_path, one(robot.replace("}", f", {more}}}")))[0].robots["县教育局"]
    assert address_of(before) == address_of(after)
    assert setup_of(before) != setup_of(after)


# --- secrets -----------------------------------------------------------------------


def test_nothing_printed_about_a_robot_shows_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_JYJ", HOOK)
    monkeypatch.setenv("CHAT_JYJ_SECRET", "SEC-0f2c9a31")
    chats, _ = load(tmp_path, one("{方言: dingtalk, 地址: env:CHAT_JYJ, 密钥: env:CHAT_JYJ_SECRET}"))
    (robot,) = chats.robots["县教育局"]
    shown = f"{chats!r} {chats} {robot!r} {address_of(robot)} {setup_of(robot)}"
    assert "693a91f6" not in shown
    assert "SEC-0f2c9a31" not in shown


def test_a_name_that_only_looks_like_a_supervisor_is_left_alone() -> None:
    assert key_of("分管领导") == "分管领导"
    assert key_of("县教育局") == "县教育局"
