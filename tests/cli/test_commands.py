"""The commands as an admin or a script uses them: exit codes, JSON shapes, near matches, nothing written when unsure."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

import bot.cli
from bot.core.deciding.admission import vetted
from bot.core.facts.events import Silenced
from bot.core.facts.facts import Facts
from bot.service.home import open_store, peek_store, read_home
from tests.kit.builders import an_event, moment
from tests.kit.rules_factory import TASK, edited, write_rules

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_rules(tmp_path)
    return tmp_path


def in_json(duban: Run, *arguments: str) -> Any:
    code, out, _ = duban(*arguments, "--json")
    assert code == 0
    return json.loads(out)


# --- check ---------------------------------------------------------------------


def test_check_of_sound_rules_ends_with_zero_and_says_what_waits(duban: Run) -> None:
    code, out, _ = duban("check")
    assert code == 0
    assert "没有错误" in out
    assert "待确认" in out


def test_check_of_broken_rules_ends_with_one_and_names_every_place(duban: Run, home: Path) -> None:
    broken = edited(edited(TASK, "2027年底", "2027年13月"), "县委教育工委, 县教育局", "县委教育工委, 县教育厅")
    write_rules(home, {"tasks/05.yaml": broken})
    code, out, _ = duban("check")
    assert code == 1
    assert "rules/tasks/05.yaml:10:" in out
    assert "县教育局" in out  # the near match


def test_check_in_json_has_the_contract_s_keys(duban: Run, home: Path) -> None:
    write_rules(home, {"tasks/05.yaml": edited(TASK, "名称: 创建", "名字: 创建")})
    code, out, _ = duban("check", "--json")
    found = json.loads(out)
    assert code == 1
    assert {"file", "line", "column", "code", "message", "hint"} <= set(found[0])


def test_check_says_which_units_have_no_chat(duban: Run, home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "chats.yaml").write_text(
        "群聊:\n  县教育局:\n    - {方言: wecom, 地址: http://127.0.0.1:9/x}\n", "utf-8"
    )
    _, out, _ = duban("check")
    assert "县财政局" in out
    assert "管理员" in out


def test_a_home_without_rules_is_wrong_use(duban: Run, tmp_path: Path) -> None:
    code, _, err = duban("check", at=tmp_path / "config")
    assert code == 2
    assert "--home" in err


# --- preview and explain --------------------------------------------------------


def test_preview_lists_tellings_in_time_order_with_the_contract_s_keys(duban: Run) -> None:
    rows = in_json(duban, "preview", "--from", "2027-11-20", "--until", "2027-12-31", "--as-confirmed")
    keys = {"at", "chat", "unit", "item", "title", "state", "rung", "reason", "form", "addressee", "provisional"}
    assert rows
    assert all(keys <= set(row) for row in rows)
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    milestone = [row for row in rows if row["item"] == "T05-M1"]
    assert {(row["unit"], row["rung"], row["form"]) for row in milestone} == {
        (unit, "提前30天", "汇总") for unit in ("县教育局", "县委教育工委", "县财政局")
    }
    assert all(row["at"].endswith("+08:00") and row["at"].startswith("2027-12-01") for row in milestone)


def test_preview_without_confirmation_tells_units_nothing_that_is_only_proposed(duban: Run) -> None:
    rows = in_json(duban, "preview", "--from", "2027-03-01", "--until", "2027-04-30")
    assert "T05-M1-01" not in {row["item"] for row in rows}
    assert "I4:报送@2026" not in {row["item"] for row in rows}


def test_preview_of_one_unit_shows_that_unit_only(duban: Run) -> None:
    rows = in_json(
        duban, "preview", "--from", "2027-11-20", "--until", "2027-12-31", "--unit", "财政局", "--as-confirmed"
    )
    assert {row["unit"] for row in rows} == {"县财政局"}


def test_preview_of_an_unknown_unit_offers_a_near_one(duban: Run) -> None:
    code, _, err = duban("preview", "--unit", "县财政所")
    assert code == 1
    assert "县财政局" in err


def test_preview_with_text_prints_whole_messages(duban: Run) -> None:
    code, out, _ = duban("preview", "--from", "2027-12-01", "--until", "2027-12-02", "--as-confirmed", "--text")
    assert code == 0
    assert "【" in out
    assert "无需在群内回复" in out


def test_preview_reads_backwards_dates_as_wrong_use(duban: Run) -> None:
    assert duban("preview", "--from", "2027-12-02", "--until", "2027-12-01")[0] == 2
    assert duban("preview", "--from", "十二月")[0] == 2


def test_explain_gives_one_reason_per_addressee(duban: Run) -> None:
    found = in_json(duban, "explain", "T05-M1", "--at", "2027-12-24", "--as-confirmed")
    assert {"item", "at", "addressee", "told", "reason", "until", "text"} <= set(found[0])
    assert len({(one["unit"], one["addressee"]) for one in found}) == len(found)
    lead = next(one for one in found if one["addressee"] == "牵头单位")
    assert (lead["told"], lead["reason"]) == (False, "ALREADY_TOLD")
    group = next(one for one in found if one["addressee"] == "领导小组")
    assert group["reason"] == "NOT_DUE"


def test_explain_says_that_a_proposal_waits_for_confirmation(duban: Run) -> None:
    found = in_json(duban, "explain", "T05-M1-01", "--at", "2027-03-31")
    assert {one["reason"] for one in found} == {"UNCONFIRMED"}


def test_explain_of_an_unknown_item_offers_a_near_one(duban: Run) -> None:
    code, _, err = duban("explain", "T05-M2")
    assert code == 1
    assert "T05-M1" in err


# --- telling ---------------------------------------------------------------------


def test_a_report_becomes_a_fact_while_no_bot_runs(duban: Run, home: Path) -> None:
    code, out, _ = duban("report", "I4", "2026", "96.8")
    assert (code, "96.8" in out) == (0, True)
    observed = peek_store(home / "state").facts.observations["I4", "2026"]
    assert str(observed.value) == "96.8"


@pytest.mark.parametrize(
    ("arguments", "offered"),
    [
        (("report", "I5", "2026", "1"), "I4"),
        (("done", "T05-M2"), "T05-M1"),
        (("close", "T05-R1@2027-3", "--by", "办公室"), "T05-R1@2027"),
        (("confirm", "T06"), "T05"),
        (("silence", "县财政所", "--until", "2099-01-01", "--reason", "x"), ""),
    ],
)
def test_an_unknown_name_is_refused_with_a_near_match_and_nothing_is_written(
    duban: Run, home: Path, arguments: tuple[str, ...], offered: str
) -> None:
    code, _, err = duban(*arguments)
    assert code == 1
    assert offered in err
    assert "什么都没有写入" in err
    assert not peek_store(home / "state").events


@pytest.mark.parametrize("value", ["abc", "NaN", "Infinity", "九十七"])
def test_a_value_that_is_no_number_is_refused(duban: Run, home: Path, value: str) -> None:
    assert duban("report", "I4", "2026", value)[0] == 2
    assert not peek_store(home / "state").events


def test_a_period_that_does_not_exist_is_refused(duban: Run) -> None:
    code, _, err = duban("report", "I4", "2026Q1", "97")
    assert code == 2
    assert "2026" in err


def test_an_extension_must_be_later_than_the_date_it_replaces(duban: Run, home: Path) -> None:
    common = ("--reason", "材料未齐", "--by", "办公室")
    assert duban("extend", "T05-M1", "2027-06-30", *common)[0] == 2
    assert duban("extend", "T05-M1", "2028-06-30", *common)[0] == 0
    assert str(peek_store(home / "state").facts.extensions["T05-M1"].to) == "2028-06-30"


def test_done_then_return_then_close_are_three_events(duban: Run, home: Path) -> None:
    assert duban("done", "T05-M1")[0] == 0
    assert duban("return", "T05-M1", "--reason", "缺材料")[0] == 0
    assert duban("close", "T05-M1", "--by", "办公室")[0] == 0
    store = peek_store(home / "state")
    assert [event.type.removeprefix("duban.") for event in store.events] == ["done", "returned", "closed"]
    assert store.facts.marks["T05-M1"].what == "closed"


def test_confirm_all_confirms_what_was_proposed(duban: Run) -> None:
    assert "待确认事项" in duban("confirm")[1]
    assert duban("confirm", "--all", "--by", "办公室")[0] == 0
    assert "待确认事项0项，牵头单位0处" in duban("confirm")[1]


def test_a_command_leaves_its_event_in_the_inbox_of_a_running_bot(duban: Run, home: Path) -> None:
    store, lock = open_store(home / "state", "real")
    try:
        code, out, _ = duban("done", "T05-M1")
    finally:
        store.close()
        lock.release()
    assert code == 0
    assert "运行中" in out
    [letter] = (home / "state" / "inbox").glob("*.json")
    assert json.loads(letter.read_text("utf-8"))["type"] == "duban.done"


# --- once, outbox, schema -----------------------------------------------------------


def test_once_while_a_bot_runs_is_refused_with_three(duban: Run, home: Path) -> None:
    store, lock = open_store(home / "state", "real")
    try:
        code, _, err = duban("once")
    finally:
        store.close()
        lock.release()
    assert code == 3
    assert err.strip()


def test_once_at_a_time_decides_in_the_drill_s_state_and_keeps_entries_without_robots(duban: Run, home: Path) -> None:
    tally = in_json(duban, "once", "--at", "2027-12-01T09:29", "--as-confirmed")
    assert set(tally) == {"told", "withheld", "delivered", "later", "refused", "undeliverable"}
    assert tally["told"] > 0
    assert tally["delivered"] == 0
    assert not list((home / "state").glob("journal-*.log"))
    entries = in_json(duban, "outbox", "--drill")
    assert {entry["state"] for entry in entries} == {"待发"}
    assert all({"state", "attempts", "code", "rows"} <= set(entry) for entry in entries)


def test_as_confirmed_is_for_stories_only(duban: Run) -> None:
    assert duban("once", "--as-confirmed")[0] == 2
    assert duban("run", "--as-confirmed")[0] == 2


def test_a_clock_that_is_none_is_wrong_use(duban: Run) -> None:
    code, _, err = duban("run", "--clock", "明天")
    assert code == 2
    assert "2027-12-24" in err


def test_schema_prints_and_writes_every_form(duban: Run, tmp_path: Path) -> None:
    code, out, _ = duban("schema")
    assert code == 0
    assert "task" in json.loads(out)
    assert duban("schema", "--out", str(tmp_path / "out"))[0] == 0
    assert (tmp_path / "out" / "task.schema.json").exists()


def test_broken_rules_without_an_earlier_good_version_stop_a_command_with_their_places(duban: Run, home: Path) -> None:
    write_rules(home, {"tasks/05.yaml": "任务：五\n"})
    code, _, err = duban("preview")
    assert code == 1
    assert "rules/tasks/05.yaml:1:" in err


# --- what a fresh reader stumbled over ------------------------------------------------


def test_a_day_to_stop_at_is_for_stories_only(duban: Run) -> None:
    code, _, err = duban("run", "--until", "2027-01-01")
    assert code == 2
    assert "--until" in err


def test_check_never_says_that_nothing_is_wrong_beside_an_error(duban: Run, home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "chats.yaml").write_text("群聊:\n  县教育局:\n    - {方言: wecom, 地址: env:NOT_SET}\n", "utf-8")
    code, out, _ = duban("check")
    assert code == 1
    assert "配置有1处错误" in out
    assert "没有错误。\n" not in out.replace("规则没有错误；", "")


def test_a_mistake_in_the_settings_is_in_the_json_beside_the_rules_own(duban: Run, home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "bot.yaml").write_text("落X: 1\n", "utf-8")
    write_rules(home, {"tasks/05.yaml": edited(TASK, "名称: 创建", "名字: 创建")})
    code, out, _ = duban("check", "--json")
    assert code == 1
    assert {problem["file"] for problem in json.loads(out)} >= {"config/bot.yaml", "rules/tasks/05.yaml"}


def test_what_is_struck_off_is_neither_closed_nor_done_again(duban: Run, home: Path) -> None:
    assert duban("close", "T05-M1", "--by", "办公室")[0] == 0
    for again in (("close", "T05-M1", "--by", "办公室"), ("done", "T05-M1")):
        code, _, err = duban(*again)
        assert code == 1
        assert "duban return" in err
    assert len(peek_store(home / "state").events) == 1


def test_a_second_extension_goes_on_from_the_first(duban: Run, home: Path) -> None:
    common = ("--reason", "施工", "--by", "办公室")
    assert "时限由2027-12-31延至2028-06-30" in duban("extend", "T05-M1", "2028-06-30", *common)[1]
    code, _, err = duban("extend", "T05-M1", "2028-03-31", *common)
    assert code == 2
    assert "已延期至2028-06-30" in err
    assert "由2028-06-30（原定2027-12-31）延至2028-09-30" in duban("extend", "T05-M1", "2028-09-30", *common)[1]


def test_an_unknown_item_is_refused_on_the_leap_day_too(duban: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cli.facts.wall", lambda: moment("2028-02-29 09:00"))
    code, _, err = duban("done", "T05-M9")
    assert code == 1
    assert "没有事项“T05-M9”" in err


def test_what_has_no_date_cannot_be_reported_done(duban: Run, home: Path) -> None:
    assert duban("done", "T05-D1")[0] == 2
    assert not peek_store(home / "state").events


def test_a_corrected_value_names_the_one_it_replaces(duban: Run) -> None:
    duban("report", "I4", "2026", "968", "--yes")
    _, out, _ = duban("report", "I4", "2026", "96.8")
    assert "原值968" in out


def test_the_supervisor_s_chat_is_understood_however_it_is_spelt(duban: Run) -> None:
    common = ("--until", "2099-01-01", "--reason", "换届")
    assert duban("silence", "县教育局分管领导", *common)[0] == 0
    assert duban("preview", "--unit", "县教育局分管领导", "--until", "2027-01-01", "--from", "2026-12-01")[0] == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("县教育", "是不是“县教育局”？"),
        ("县教育居分管领导", "是不是“县教育局·分管领导”？"),
        ("T05-M7", "没有事项“T05-M7”"),
    ],
)
def test_a_name_that_nobody_has_is_not_silenced_and_gets_a_hint_of_its_own_kind(
    duban: Run, home: Path, name: str, said: str
) -> None:
    code, _, err = duban("silence", name, "--until", "2099-01-01", "--reason", "换届")
    assert (code != 0, said in err, "什么都没有写入" in err) == (True, True, True), err
    assert not peek_store(home / "state").events


@pytest.mark.parametrize(
    "command",
    [
        ("return", "T05-M1"), ("extend", "T05-M1", "2099-01-01", "--by", "督查室"),
        ("silence", "T05-M1", "--until", "2099-01-01"),
    ],
)  # fmt: skip
def test_a_blank_reason_is_refused_by_a_command_too(duban: Run, home: Path, command: tuple[str, ...]) -> None:
    code, _, err = duban(*command, "--reason", " ")
    assert (code != 0, "原因没有填写" in err) == (True, True)
    assert not peek_store(home / "state").events


def test_slips_of_the_keyboard_in_ids_are_read_as_they_were_meant(duban: Run, home: Path) -> None:
    assert duban("report", "Ｉ4 ", "２０２６", "96.8")[0] == 0
    assert duban("done", " T05-M1")[0] == 0
    assert [event.data.get("period", event.data.get("item")) for event in peek_store(home / "state").events] == [
        "2026",
        "T05-M1",
    ]
    assert duban("explain", "T05－M1")[0] == 0


def test_an_indicator_is_explained_by_all_its_items(duban: Run) -> None:
    code, out, err = duban("explain", "I4", "--at", "2027-01-20")
    assert (code, "I4:报送@2026" in out) == (0, True), err


def test_a_duty_without_its_period_is_offered_its_first_one(duban: Run) -> None:
    _, _, err = duban("done", "T05-R1")
    assert "T05-R1@2027-1" in err


def test_a_command_that_only_looks_does_not_speak_of_writing(duban: Run) -> None:
    assert "写入" not in duban("explain", "T05-M7")[2]


def test_a_story_with_an_end_ends_by_itself(duban: Run, home: Path) -> None:
    code, out, _ = duban("run", "--clock", "2027-12-01T08:00", "--until", "2027-12-02", "--as-confirmed", "--port", "0")
    assert code == 0
    assert "服务已启动" in out
    assert in_json(duban, "outbox", "--drill")


# --- all of them ---------------------------------------------------------------


def test_every_command_is_found_by_its_name_and_in_the_module_it_is_listed_under() -> None:
    held = {
        module.name: tuple(command.name for command in import_module(f"bot.cli.{module.name}").COMMANDS)
        for module in iter_modules(bot.cli.__path__)
        if module.name not in {"common", "texts"}
    }
    assert held == bot.cli.HOMES


def test_the_service_does_not_import_what_other_commands_need() -> None:
    code = "import sys, bot.cli; bot.cli.main(['run', '--help'])"
    after = "import atexit, sys; atexit.register(lambda: print(*sorted(n for n in sys.modules if n.startswith('bot.cli.'))))"
    done = subprocess.run([sys.executable, "-c", f"{after}; {code}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["bot.cli.common", "bot.cli.service", "bot.cli.texts"]


@pytest.mark.parametrize(
    ("chats", "name", "said"),
    [
        (
            "县教育局: [{方言: wecom, 地址: 'http://127.0.0.1:1/a'}], 县财政局: 县教育局",
            "县财政局",
            "发给“县财政局”的提醒（在“县教育局”群",
        ),
        (
            "县教育局: [{方言: wecom, 地址: 'http://127.0.0.1:1/a'}], 县财政局: 县教育局",
            "县教育局",
            "合用这个群的县财政局在内",
        ),
        ("县教育局: [{方言: wecom, 地址: 'http://127.0.0.1:1/a'}]", "县财政局", "由管理员群转告的在内"),
        (
            "县教育局: [{方言: wecom, 地址: 'http://127.0.0.1:1/a'}]",
            "县教育局分管领导",
            "发给“县教育局·分管领导”的提醒",
        ),
        ("县教育局: [{方言: wecom, 地址: 'http://127.0.0.1:1/a'}]", "县教育局", "群聊“县教育局”静默至"),
    ],
)
def test_a_silence_says_whose_reminders_it_holds(duban: Run, home: Path, chats: str, name: str, said: str) -> None:
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "chats.yaml").write_text(f"群聊: {{{chats}}}\n", "utf-8")
    code, out, _ = duban("silence", name, "--until", "2099-01-01", "--reason", "x")
    assert (code, said in out) == (0, True), out


def test_the_silence_of_a_leader_without_a_chat_is_taken_from_a_letter(home: Path) -> None:
    rulebook = read_home(home).rulebook
    assert rulebook is not None
    silence = Silenced(chat="县教育局·分管领导", until=moment("2027-12-31"), reason="换届")
    today = moment("2027-03-01").date()
    assert vetted(an_event(silence, "2027-03-01 10:00"), rulebook, (), today, Facts()).data["chat"] == silence.chat
