"""click in Chinese: its help headings, errors and prompts.

click asks `gettext` for every text it shows, but ships no catalogue, and a catalogue file on disk would be chosen by
the machine's locale. A county server runs in the C locale, so the texts below are put in front of `gettext` instead.
"""

from __future__ import annotations

import gettext
import sys

TEXTS = {
    # help pages
    "Usage:": "用法:",
    "Options": "选项",
    "Commands": "命令",
    "Positional arguments": "参数",
    "Show this message and exit.": "显示本帮助后退出。",
    "Show the version and exit.": "显示版本号后退出。",
    "%(prog)s, version %(version)s": "%(prog)s，版本 %(version)s",
    "env var: {var}": "环境变量：{var}",
    "default: {default}": "默认：{default}",
    "required": "必填",
    "(dynamic)": "（运行时决定）",
    "deprecated": "已弃用",
    "DeprecationWarning: The command {name!r} is deprecated.{extra_message}": (
        "注意：命令 {name!r} 已弃用。{extra_message}"
    ),
    "DeprecationWarning: The {param_type} {name!r} is deprecated.{extra_message}": (
        "注意：{name!r} 已弃用。{extra_message}"
    ),
    # what went wrong
    "Error: {message}": "错误：{message}",
    "Try '{command} {option}' for help.": "查看帮助：{command} {option}",
    "Missing command.": "缺少命令。",
    "No such command {name!r}.": "没有命令 {name!r}。",
    "No such option {name!r}.": "没有选项 {name!r}。",
    "Did you mean {possibility}?": "您是不是要用 {possibility}？",
    "(Did you mean one of: {possibilities}?)": "您是不是要用其中之一：{possibilities}？",
    "Missing argument": "缺少参数",
    "Missing option": "缺少选项",
    "Missing parameter": "缺少参数",
    "Missing {param_type}": "缺少 {param_type}",
    "Missing parameter: {param_name}": "缺少参数：{param_name}",
    "Invalid value: {message}": "取值不对：{message}",
    "Invalid value for {param_hint}: {message}": "{param_hint} 取值不对：{message}",
    "Got unexpected extra argument ({args})": "多出了参数（{args}）",
    "Got unexpected extra arguments ({args})": "多出了参数（{args}）",
    "Option {name!r} does not take a value.": "选项 {name!r} 后面不带值。",
    "Option {name!r} requires an argument.": "选项 {name!r} 后面要带一个值。",
    "Option {name!r} requires {nargs} arguments.": "选项 {name!r} 后面要带 {nargs} 个值。",
    "Argument {name!r} takes {nargs} values.": "参数 {name!r} 要带 {nargs} 个值。",
    "Takes {nargs} values but 1 was given.": "要 {nargs} 个值，只给了 1 个。",
    "Takes {nargs} values but {len} were given.": "要 {nargs} 个值，给了 {len} 个。",
    "{len_type} values are required, but {len_value} was given.": "要 {len_type} 个值，只给了 {len_value} 个。",
    "{len_type} values are required, but {len_value} were given.": "要 {len_type} 个值，给了 {len_value} 个。",
    "Value must be an iterable.": "要给一组值。",
    # kinds of value; click's English names for them (integer, float range) are left out on purpose
    "{value!r} is not a valid {number_type}.": "{value!r} 不是数字，或者不是所要的那种数字。",
    "{value} is not in the range {range}.": "{value} 不在范围 {range} 内。",
    "{value!r} is not {choice}.": "{value!r} 不对，只能是 {choice}。",
    "{value!r} is not one of {choices}.": "{value!r} 不在可选值之内，可选：{choices}。",
    "Choose from:\n\t{choices}": "可选：\n\t{choices}",
    "Choice({choices})": "可选（{choices}）",
    "{value!r} is not a valid boolean. Recognized values: {states}": "{value!r} 不是“是或否”。可以写：{states}",
    "{value!r} is not a valid UUID.": "{value!r} 不是有效的 UUID。",
    "{value!r} does not match the format {format}.": "{value!r} 格式不对，应为 {format}。",
    "{value!r} does not match the formats {formats}.": "{value!r} 格式不对，应为以下之一：{formats}。",
    # files
    "file": "文件",
    "directory": "目录",
    "path": "路径",
    "{name} {filename!r} does not exist.": "{name} {filename!r} 不存在。",
    "{name} {filename!r} is a file.": "{filename!r} 是文件，这里要的是{name}。",
    "{name} {filename!r} is a directory.": "{filename!r} 是目录，这里要的是{name}。",
    "{name} {filename!r} is not readable.": "{name} {filename!r} 无权读取。",
    "{name} {filename!r} is not writable.": "{name} {filename!r} 无权写入。",
    "{name} {filename!r} is not executable.": "{name} {filename!r} 无权执行。",
    "Could not open file {filename!r}: {message}": "打不开文件 {filename!r}：{message}",
    "unknown error": "原因不明",
    # asking at the terminal
    "Aborted!": "已取消。",
    "Do you want to continue?": "要继续吗？",
    "Confirm the action without prompting.": "不再询问，直接执行。",
    "Repeat for confirmation": "请再输入一次",
    "Error: The two entered values do not match.": "错误：两次输入不一致。",
    "Error: invalid input": "错误：请回答 y（是）或 n（否）。",
    "Press any key to continue...": "按任意键继续……",
    "d": "天",
    "{editor}: Editing failed": "{editor}：编辑失败",
    "{editor}: Editing failed: {e}": "{editor}：编辑失败：{e}",
    # completing commands in the shell
    "Shell completion is not supported for Bash versions older than 4.4.": "命令补全需要 Bash 4.4 或更新的版本。",
    "Couldn't detect Bash version, shell completion is not supported.": "看不出 Bash 的版本，命令补全不可用。",
}

_english, _english_many = gettext.gettext, gettext.ngettext


def speak_chinese() -> None:
    """Makes click answer in Chinese whatever the machine's locale; call it before click is imported.

    Modules of click that are loaded already (uvicorn brings click along) are re-pointed as well. Calling it twice is
    harmless. Texts without a translation here stay as they are.
    """
    vars(gettext).update(gettext=say, ngettext=say_many)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "click":
            _repoint(vars(module))


def _repoint(names: dict[str, object]) -> None:
    for name, value in list(names.items()):
        if value is _english:
            names[name] = say
        elif value is _english_many:
            names[name] = say_many


def say(message: str) -> str:
    return TEXTS.get(message) or _english(message)


def say_many(one: str, many: str, count: int) -> str:
    return TEXTS.get(one if count == 1 else many) or _english_many(one, many, count)
