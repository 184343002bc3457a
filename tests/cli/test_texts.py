"""click speaks Chinese: headings, errors and hints, on a machine whose locale knows nothing of it."""

from __future__ import annotations

import ast
import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bot.cli import texts

APP = """
import importlib.util
{before}
# By its path: the package around it would bring the whole bot along, and with it click.
spec = importlib.util.spec_from_file_location("texts", {path!r})
texts = importlib.util.module_from_spec(spec)
spec.loader.exec_module(texts)
texts.speak_chinese()
import click

@click.group(no_args_is_help=False, invoke_without_command=False)
@click.version_option("1.2", prog_name="tool")
def tool():
    "样例。"

@tool.command()
@click.argument("item", metavar="ITEM", help="事项编号。")
@click.option("--days", type=int, default=7, show_default=True, help="天数。")
@click.option("--ratio", type=click.FloatRange(0, 1), help="比例。")
@click.option("--form", type=click.Choice(["json", "text"]), required=True, help="样式。")
@click.option("--home", type=click.Path(exists=True, file_okay=False), help="目录。")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="日期。")
@click.option("--unit", envvar="UNIT_NAME", show_envvar=True, help="单位。")
@click.option("--yes", is_flag=True, help="是。")
@click.option("--pair", nargs=2, help="一对。")
def check(**values):
    "检查。"
    click.confirm("继续", abort=True)

@tool.command(deprecated=True)
def remind():
    "催办。"

tool(prog_name="tool")
"""

# What may stay English: 'quoted input', --options, METAVARS, the program and its commands, date formats, ranges.
ALLOWED = re.compile(r"'[^']*'|--[a-z]+|<=|\b[A-Z_]+\b|\b(?:tool|check|remind|json|text)\b|%[YmdHMS]|y/N")


def run(*arguments: str, before: str = "") -> str:
    """Everything the sample application prints for these arguments, both streams, nobody at the keyboard."""
    return output_of("-c", APP.format(before=before, path=texts.__file__), *arguments)


def output_of(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], "LANG": "C", "LANGUAGE": "en", "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout + done.stderr


def english_in(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]{2,}", ALLOWED.sub(" ", text))


def test_the_check_for_english_sees_english() -> None:
    assert english_in("Error: No such command 'chek'.") == ["Error", "No", "such", "command"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--help",), "用法: tool"),
        (("--help",), "选项:"),
        (("--help",), "命令:"),
        (("--help",), "显示本帮助后退出。"),
        (("--help",), "已弃用"),
        (("--version",), "tool，版本 1.2"),
        ((), "错误：缺少命令。"),
        (("check", "--help"), "必填"),
        (("check", "--help"), "默认：7"),
        (("check", "--help"), "环境变量：UNIT_NAME"),
        (("chec",), "错误：没有命令 'chec'。 您是不是要用 'check'？"),
        (("ch",), "错误：没有命令 'ch'。"),
        (("check", "T05-M1", "--formm", "json"), "没有选项 '--formm'。"),
        (("check", "--form", "json"), "错误：缺少参数 'ITEM'."),
        (("check", "--form", "json"), "查看帮助：tool check --help"),
        (("check", "T05-M1"), "错误：缺少选项 '--form'. 可选"),
        (("check", "T05-M1", "--form", "pdf"), "'--form' 取值不对：'pdf' 不在可选值之内"),
        (("check", "T05-M1", "--form", "json", "--days", "x"), "'--days' 取值不对：'x' 不是数字"),
        (("check", "T05-M1", "--form", "json", "--ratio", "2"), "2.0 不在范围 0<=x<=1 内。"),
        (("check", "T05-M1", "--form", "json", "--home", "/nowhere"), "目录 '/nowhere' 不存在。"),
        (("check", "T05-M1", "--form", "json", "--on", "12月"), "格式不对，应为 '%Y-%m-%d'。"),
        (("check", "T05-M1", "--form", "json", "--days"), "选项 '--days' 后面要带一个值。"),
        (("check", "T05-M1", "--form", "json", "--pair", "1"), "选项 '--pair' 后面要带 2 个值。"),
        (("check", "T05-M1", "--form", "json", "--yes=1"), "选项 '--yes' 后面不带值。"),
        (("check", "T05-M1", "--form", "json", "X2", "X3"), "多出了参数（X2 X3）"),
        (("check", "T05-M1", "--form", "json"), "已取消。"),
        (("remind",), "注意：命令 'remind' 已弃用。"),
    ],
)
def test_click_says_it_in_chinese_and_nothing_in_english(arguments: tuple[str, ...], said: str) -> None:
    answer = run(*arguments)
    assert said in answer
    assert english_in(answer.replace("T05-M1", "").replace("X2 X3", "")) == []


def test_click_loaded_too_early_is_still_turned_to_chinese() -> None:
    answer = run("chek", before="import click.exceptions, click.core")
    assert "没有命令 'chek'。" in answer
    assert english_in(answer) == []


def test_duban_itself_speaks_chinese() -> None:
    answer = output_of("-m", "bot", "chek")
    assert "错误：没有命令 'chek'。" in answer
    assert "查看帮助：" in answer


def test_a_text_without_translation_is_passed_through() -> None:
    assert texts.say("Snow leopard") == "Snow leopard"
    assert texts.say_many("one leopard", "leopards", 2) == "leopards"


def asked_of_gettext() -> Iterator[str]:
    """Every literal text that the installed click hands to gettext."""
    for path in Path(click.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"_", "ngettext"}:
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


# Mistakes of whoever writes a command, raised while it is being declared; an official never meets them.
FOR_PROGRAMMERS = (
    "Arguments take exactly one parameter declaration",
    "Boolean option {decl!r}",
    "Could not determine name for option",
    "Invalid start character for option",
    "Name '{name}' defined twice",
    "No options defined but a name was passed",
    "Unknown color",
    "Unknown standard stream",
    "Windows error",
)


def test_every_text_of_the_installed_click_has_a_translation() -> None:
    asked = {text for text in asked_of_gettext() if not text.startswith(FOR_PROGRAMMERS)}
    assert len(asked) > 50
    assert asked - set(texts.TEXTS) == set()


def fields_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_a_translation_uses_no_field_that_click_does_not_fill() -> None:
    for english, chinese in texts.TEXTS.items():
        assert fields_of(chinese) <= fields_of(english)
        assert re.findall(r"%\(\w+\)s", chinese) == re.findall(r"%\(\w+\)s", english)
