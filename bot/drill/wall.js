// The wall's page. All HTML comes ready-made and safe from the server; everything else is set as text.
"use strict";

const KEPT = 400; // messages an open chat shows
const byId = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 719px)");
const chats = new Map(); // name -> {name, count, seen, last, row, card}
let opening = 0; // counts choices, so that an answer that comes late is not shown
let open = ""; // the chat on the right
let waiting = null; // its news while its messages are still being fetched
let run = "";

// --- lists -------------------------------------------------------------------

function made(template) {
  return byId(template).content.firstElementChild.cloneNode(true);
}

function setBadge(badge, message) {
  badge.className = "badge " + message.dialect;
  badge.textContent = message.platform;
}

function addChat(name, count, last) {
  const chat = { name, count, seen: 0, last, row: made("row-template"), card: made("card-template") };
  const address = "#/" + encodeURIComponent(name);
  chat.row.querySelector(".row").href = address;
  chat.row.querySelector(".face").textContent = name.replace(/^县(委)?/, "").slice(0, 1) || name.slice(0, 1);
  chat.row.querySelector(".row-name").textContent = name;
  chat.card.querySelector(".card-name").href = address;
  chat.card.querySelector(".card-name").textContent = name;
  chats.set(name, chat);
  byId("list").append(chat.row);
  byId("grid").append(chat.card);
  refresh(chat);
  return chat;
}

function refresh(chat) {
  const unread = chat.count - chat.seen;
  for (const place of [chat.row, chat.card]) {
    const badge = place.querySelector(".unread");
    badge.hidden = unread <= 0;
    badge.textContent = unread > 99 ? "99+" : String(unread);
    badge.setAttribute("aria-label", unread + "条未读");
  }
  if (!chat.last) return;
  const { row, card, last } = chat;
  row.querySelector(".row-time").textContent = shortDay(last.day);
  row.querySelector(".row-last").textContent = last.title.replace(chat.name + " · ", "");
  card.classList.remove("quiet");
  setBadge(card.querySelector(".badge"), last);
  card.querySelector(".card-time").textContent = last.day + last.time;
  card.querySelector(".preview").innerHTML = last.html;
}

function shortDay(day) {
  return day.replace(/^\d+年|（.*$/g, "");
}

function total() {
  let messages = 0;
  let reached = 0;
  for (const chat of chats.values()) {
    messages += chat.count;
    reached += chat.count > 0 ? 1 : 0;
  }
  byId("total").textContent = `${chats.size}个群，${reached}个群收到${messages}条消息`;
}

// --- the open chat -----------------------------------------------------------

function atEnd() {
  const log = byId("log");
  return log.scrollHeight - log.scrollTop - log.clientHeight < 80;
}

function toEnd() {
  byId("log").scrollTop = byId("log").scrollHeight;
  byId("newest").hidden = true;
}

function line(kind, text) {
  return Object.assign(document.createElement("p"), { className: kind, textContent: text });
}

function chip(text, kind) {
  return Object.assign(document.createElement("span"), { className: "chip " + kind, textContent: text });
}

function addMessage(message) {
  const log = byId("log");
  if (log.dataset.day !== message.day) {
    log.append(line("day", message.day));
    log.dataset.day = message.day;
  }
  const bubble = made("bubble-template");
  const meta = bubble.querySelector(".meta");
  bubble.querySelector(".time").textContent = message.time;
  bubble.querySelector(".bubble").innerHTML = message.html;
  bubble.querySelector(".bubble").classList.add(message.dialect);
  meta.append(chip(message.platform, "badge " + message.dialect));
  if (message.mark) meta.append(chip(message.mark, "mark"));
  if (message.part) meta.append(chip(message.part, "part"));
  log.append(bubble);
  setBadge(byId("chat-platform"), message);
  while (log.children.length > KEPT * 2) log.firstElementChild.remove();
}

async function openChat(name) {
  const mine = ++opening;
  open = name;
  waiting = [];
  byId("chat-name").textContent = name;
  byId("chat-platform").className = "badge";
  byId("chat-platform").textContent = "";
  const reply = await fetch("/wall/messages?chat=" + encodeURIComponent(name));
  const { messages } = await reply.json();
  if (mine !== opening) return; // another one was chosen meanwhile, or the same one again
  const newest = messages.length ? messages[messages.length - 1].number : 0;
  byId("log").replaceChildren();
  delete byId("log").dataset.day;
  [...messages, ...waiting.filter((message) => message.number > newest)].forEach(addMessage);
  waiting = null;
  if (!byId("log").childElementCount) byId("log").append(line("empty", "这个群还没有收到消息"));
  read(chats.get(name));
  toEnd();
}

function append(message) {
  const follow = atEnd();
  byId("log").querySelector(".empty")?.remove();
  addMessage(message);
  if (follow) toEnd();
  else byId("newest").hidden = false;
}

function read(chat) {
  chat.seen = chat.count;
  byId("chat-count").textContent = `共${chat.count}条`;
  refresh(chat);
}

// --- views -------------------------------------------------------------------

function route() {
  const name = [...chats.keys()].find((one) => location.hash === "#/" + encodeURIComponent(one));
  const chosen = name || "";
  document.body.dataset.view = chosen ? "chat" : "overview";
  byId("to-overview").toggleAttribute("aria-current", !chosen);
  byId("to-chats").toggleAttribute("aria-current", Boolean(chosen));
  for (const chat of chats.values()) {
    chat.row.querySelector(".row").toggleAttribute("aria-current", chat.name === chosen);
  }
  if (chosen) {
    byId("to-chats").href = location.hash;
    if (!narrow.matches) chats.get(chosen).row.scrollIntoView({ block: "nearest" });
    openChat(chosen).catch(lost);
  } else {
    opening += 1;
    open = "";
    waiting = null;
  }
}

function firstWithNews() {
  const all = [...chats.values()];
  return (all.find((chat) => chat.count) || all[0] || {}).name;
}

// --- the clock ---------------------------------------------------------------

function showClock(clock) {
  byId("now").textContent = clock.now;
  document.body.classList.toggle("paused", clock.paused);
  const pause = byId("pause");
  pause.textContent = clock.paused ? "继续" : "暂停";
  pause.dataset.action = clock.paused ? "resume" : "pause";
  pause.disabled = clock.over;
  for (const button of document.querySelectorAll(".paces button")) {
    button.setAttribute("aria-pressed", String(button.dataset.action === clock.pace));
    button.disabled = clock.over;
  }
  if (clock.over) byId("trouble").textContent = "演练已到最后一天。";
}

async function press(event) {
  const action = event.currentTarget.dataset.action;
  const body = JSON.stringify({ action });
  const reply = await fetch("/wall/control", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (reply.ok) showClock(await reply.json());
}

// --- news --------------------------------------------------------------------

function lost() {
  byId("trouble").textContent = "与程序的连接断了，正在重连……";
}

async function found() {
  byId("trouble").textContent = "";
  const state = await (await fetch("/wall/state")).json();
  if (state.run !== run) location.reload(); // another drill was started meanwhile
}

function news(event) {
  const { chat: name, count, message } = JSON.parse(event.data);
  const chat = chats.get(name) || addChat(name, 0, null);
  chat.last = message;
  chat.count = Math.max(chat.count, count);
  if (name === open && waiting) waiting.push(message);
  else if (name === open) append(message);
  if (name === open) read(chat);
  else refresh(chat);
  total();
}

function listen(number) {
  const stream = new EventSource("/wall/stream?after=" + number);
  stream.addEventListener("bubble", news);
  stream.addEventListener("clock", (event) => showClock(JSON.parse(event.data)));
  stream.addEventListener("error", lost);
  stream.addEventListener("open", () => found().catch(lost));
}

async function start() {
  const state = await (await fetch("/wall/state")).json();
  run = state.run;
  if (state.plan) {
    byId("plan").textContent = state.plan;
    document.title = "督办演练 · " + state.plan;
  }
  for (const chat of state.chats) addChat(chat.name, chat.count, chat.last);
  showClock(state.clock);
  total();
  listen(state.number);
  route();
}

addEventListener("hashchange", route);
byId("newest").addEventListener("click", toEnd);
byId("log").addEventListener("scroll", () => { if (atEnd()) byId("newest").hidden = true; });
byId("to-chats").addEventListener("click", (event) => {
  if (event.currentTarget.getAttribute("href") !== "#") return;
  event.preventDefault();
  location.hash = "/" + encodeURIComponent(firstWithNews());
});
for (const button of document.querySelectorAll("button[data-action]")) {
  button.addEventListener("click", (event) => press(event).catch(lost));
}
start().catch(lost);
