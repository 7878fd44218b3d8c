"use strict";
// The page of the daemon: no libraries, nothing from elsewhere. Text from sessions is only ever set
// as text, never as HTML.

const $ = (id) => document.getElementById(id);
const view = { session: null, follow: true, images: [], structures: new Set(), events: null, last: 0, status: null, url: null, asked: null, wanted: false };
const BUSY = ["queued", "starting", "recording", "paused", "finishing"];
const KEPT = 300;

async function ask(path, body) {
  const how = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, how);
  } catch (error) {
    $("lost").hidden = false;
    throw new Error("the daemon does not answer");
  }
  $("lost").hidden = true;
  if (answer.status === 401) location.reload();
  const said = await answer.json();
  if (!answer.ok) throw Object.assign(new Error([said.what, said.where, said.mend].filter(Boolean).join("\n")), { status: answer.status });
  return said;
}

function tell(error) {
  $("said").hidden = !error;
  $("said").textContent = error ? error.message || String(error) : "";
}

function make(tag, text, name) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

const path = (rest = "") => `/api/sessions/${encodeURIComponent(view.session)}${rest}`;
const number = (value, digits = 1) => (value === null || value === undefined ? "–" : Number(value).toFixed(digits));

// ------------------------------------------------------------------ sessions

async function refreshList() {
  const [status, sessions] = await Promise.all([ask("/api/status"), ask("/api/sessions?most=50")]);
  $("disk").textContent = `${number(status.free_bytes / 2 ** 30)} GiB free`;
  offer($("what"), [...status.examples.map((n) => [`example:${n}`, `example: ${n}`]), ...status.files.map((n) => [`file:${n}`, n])]);
  offer($("preset"), [["", "none"], ...status.presets.map((n) => [n, n])]);
  $("sessions").replaceChildren(...sessions.map(sessionRow));
  if (!sessions.length) $("sessions").append(make("li", "none yet", "quiet"));
  const named = decodeURIComponent(location.hash.slice(1));
  const first = sessions.find((s) => s.name === named) || sessions.find((s) => s.name === status.running) || sessions[0];
  if (first && (view.session === null || (view.follow && status.running && status.running !== view.session))) open(first.name, false);
}

function sessionRow(session) {
  const row = make("li"), button = make("button");
  button.append(make("span", session.name), make("span", session.state, `badge ${session.state}`));
  button.dataset.name = session.name;
  button.setAttribute("aria-current", session.name === view.session);
  button.onclick = () => open(session.name, true);
  row.append(button);
  return row;
}

function offer(select, options) {
  const key = JSON.stringify(options);
  if (select.dataset.key === key) return;
  const value = select.value;
  select.dataset.key = key;
  select.replaceChildren(...options.map(([v, text]) => Object.assign(make("option", text), { value: v })));
  if (options.some(([v]) => v === value)) select.value = value;
}

function open(name, chosen) {
  if (view.events) view.events.close();
  Object.assign(view, { session: name, follow: !chosen, events: null, last: 0, status: null, images: [] });
  if (chosen) history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  for (const one of $("sessions").querySelectorAll("button")) one.setAttribute("aria-current", one.dataset.name === name);
  tell(null);
  for (const id of ["journal", "decisions", "figures"]) $(id).replaceChildren();
  $("decided").hidden = true;
  $("overlay").hidden = $("bar").hidden = true;
  $("none").hidden = false;
  $("when").textContent = $("warn").textContent = "";
  $("time").value = $("time").max = 0;
  delete $("plane").dataset.set;
  listen();
  refresh();
}

// ------------------------------------------------------------------ one session

async function refresh() {
  if (view.session === null) return;
  const name = view.session;
  try {
    const status = await ask(path());
    if (name === view.session) show(status);
  } catch (error) {
    if (name !== view.session) return;
    tell(error);
    if (error.status === 404) view.session = null;
  }
}

function show(status) {
  view.status = status;
  $("name").textContent = status.name;
  $("state").textContent = status.state;
  $("state").className = `badge ${status.state}`;
  document.title = `${status.state} · ${status.name} · livesr`;
  const runs = ["recording", "paused", "starting", "finishing"].includes(status.state);
  $("pause").disabled = !["recording", "starting"].includes(status.state);
  $("resume").disabled = !["paused", "interrupted", "stopped"].includes(status.state);
  $("stop").disabled = !BUSY.includes(status.state);
  if (status.error && !runs) tell({ message: [status.error.what, status.error.mend].filter(Boolean).join("\n") });
  $("progress").max = status.planned || 1;
  $("progress").value = status.stored || 0;
  const rows = [
    ["stacks", `${status.stored ?? 0} of ${status.planned ?? "–"}`],
    ["masks", `${status.segmented}${status.waiting ? `, ${status.waiting} waiting` : ""}`],
    ["rate", status.fps === null ? "–" : `${number(status.fps)} frames/s`],
    ["delay of masks", status.delay_s === null ? "–" : `${number(status.delay_s)} s`],
    ["disk", status.free_bytes === null ? "–" : `${number(status.free_bytes / 2 ** 30)} GiB free`],
  ];
  if (status.queue) rows.unshift(["in the queue", String(status.queue)]);
  if (status.failed) rows.push(["stacks failed", String(status.failed)]);
  if (status.frames_lost) rows.push(["frames lost", String(status.frames_lost)]);
  if (status.faults) rows.push(["faults", String(status.faults)]);
  if (status.engine) rows.push(["engine", status.engine]);
  if (status.paused) rows.push(["paused", status.paused]);
  $("figures").replaceChildren(...rows.flatMap(([a, b]) => [make("dt", a), make("dd", b)]));
  if (status.report) {
    const link = make("a", "what it came to"), cell = make("dd");
    link.href = path("/report.html");
    link.target = "_blank";
    cell.append(link);
    $("figures").append(make("dt", "report"), cell);
  }
  view.images = status.images;
  showControls();
  draw();
}

const image = () => view.images[Number($("image").value) || 0];

function showControls() {
  const names = view.images.map((one, k) => [String(k), one.name]);
  offer($("image"), names);
  $("positions").hidden = names.length < 2;
  const now = image();
  if (!now) return;
  offer($("channel"), now.channels.map((c) => [c, c]));
  const planes = now.shape_tczyx[2];
  if (Number($("plane").max) !== planes - 1 || !$("plane").dataset.set) {
    $("plane").max = planes - 1;
    $("plane").value = Math.floor((planes - 1) / 3);
    $("plane").dataset.set = "1";
  }
  const newest = now.newest_stored ?? 0, time = $("time");
  const following = Number(time.value) >= Number(time.max);
  time.max = newest;
  if (following) time.value = newest;
  labels();
  for (const box of $("structures").querySelectorAll("input")) box.disabled = now.structures.length > 0 && !now.structures.includes(box.value);
}

function labels() {
  const now = image(), follow = Number($("time").value) >= Number($("time").max);
  $("planeno").textContent = $("max").checked ? "all" : now ? `${$("plane").value} · ${number($("plane").value * now.voxel_um[0])} µm` : "";
  $("timeno").textContent = follow ? "newest" : $("time").value;
}

// ------------------------------------------------------------------ the picture: one request at a time, always the newest

function query() {
  const one = new URLSearchParams();
  one.set("image", $("image").value || "0");
  one.set("z", $("max").checked ? "max" : $("plane").value);
  if ($("channel").value) one.set("channel", $("channel").value);
  if (Number($("time").value) < Number($("time").max)) one.set("t", $("time").value);
  const mode = $("mode").value;
  if (mode === "contour") one.set("contour", "true");
  if (mode === "masked") one.set("mode", "masked");
  one.set("structures", [...view.structures].sort().join(",") || "none");
  const wide = $("frame").clientWidth * Math.min(window.devicePixelRatio || 1, 2);
  one.set("size", String([400, 800, 1200, 1600].find((s) => s >= wide) || 1600));
  return one;
}

async function draw() {
  if (!image() || image().newest_stored === null) return;
  const wanted = path(`/overlay.png?${query()}`);
  const key = `${wanted} ${image().newest_stored} ${image().newest_segmented} ${image().segmented}`;
  if (key === view.asked) return;
  if (view.drawing) { view.wanted = true; return; }
  view.drawing = true;
  view.asked = key;
  const name = view.session;
  try {
    const answer = await fetch(wanted);
    if (answer.ok && name === view.session) await place(answer);
    else if (!answer.ok) view.asked = null;
  } catch (error) {
    view.asked = null;
  }
  view.drawing = false;
  if (view.wanted) { view.wanted = false; draw(); }
}

async function place(answer) {
  const url = URL.createObjectURL(await answer.blob()), picture = $("overlay");
  await new Promise((done) => { picture.onload = picture.onerror = done; picture.src = url; });
  if (view.url) URL.revokeObjectURL(view.url);
  view.url = url;
  picture.hidden = false;
  $("none").hidden = true;
  const z = answer.headers.get("X-Livesr-Z"), now = image();
  picture.dataset.t = answer.headers.get("X-Livesr-T");
  picture.dataset.masks = answer.headers.get("X-Livesr-Masks");
  $("when").textContent = `t ${picture.dataset.t} · ${z === "max" ? "projection" : `plane ${z}`} · ${answer.headers.get("X-Livesr-Channel")}`;
  const remarks = [];
  if (picture.dataset.masks === "0") remarks.push("no masks yet");
  if (now && now.simulated) remarks.push("simulated");
  $("warn").textContent = remarks.join(" · ");
  scaleBar(Number(answer.headers.get("X-Livesr-Um-Per-Pixel")));
}

function scaleBar(um) {
  const picture = $("overlay");
  const shown = um * picture.naturalWidth / Math.min(picture.clientWidth, picture.clientHeight * picture.naturalWidth / picture.naturalHeight);
  const length = [1, 2, 5, 10, 20, 50, 100].findLast((one) => one / shown < picture.clientWidth / 4) || 1;
  $("bar").hidden = !(shown > 0);
  $("bar").querySelector("span").textContent = `${length} µm`;
  $("bar").querySelector("i").style.width = `${length / shown}px`;
}

// ------------------------------------------------------------------ journal

function listen() {
  const name = view.session;
  const source = new EventSource(path(`/events?after=${view.last}`));
  view.events = source;
  source.onmessage = (message) => {
    if (name !== view.session) return source.close();
    const line = JSON.parse(message.data);
    if (line.number <= view.last) return;
    view.last = line.number;
    write(line);
    soon();
  };
  source.addEventListener("end", () => { source.close(); view.ended = true; soon(); });
}

let pending = 0;
function soon() { // many lines at once cost one look
  clearTimeout(pending);
  pending = setTimeout(refresh, 60);
}

const WORDS = {
  session_started: (e) => `begun: ${e.stacks} stacks planned`,
  session_resumed: () => "gone on with",
  session_finished: (e) => `ended: ${e.stacks} of ${e.planned} stacks${e.stopped ? `, ${e.stopped}` : ""}`,
  segmenter_started: (e) => `networks on ${e.engine || "?"}`,
  stack_stored: (e) => `stack ${e.index.t} on disk`,
  stack_segmented: (e) => `masks of ${e.index.t}${e.latency_s ? ` after ${number(e.latency_s)} s` : ""}`,
  stack_failed: (e) => `stack ${e.index.t} failed: ${e.reason}`,
  frames_lost: (e) => `${e.count} frames lost: ${e.reason}`,
  paused: (e) => `paused: ${e.reason}`,
  continued: () => "going on",
  note: (e) => `“${e.text}”${e.by ? ` (${e.by})` : ""}`,
  decision: (e) => `${e.rule}: cell ${e.cell}, ${e.cause}${e.acted === false ? " (told only)" : ""}`,
  cell: (e) => `cell ${e.cell}: ${e.kind}`,
};
const MILD = ["paused", "note", "disk", "calibration_misfit", "continued"], BAD = ["stack_failed", "frames_lost", "fault", "light_off"];

function write(line) {
  let words;
  try { words = WORDS[line.event] && WORDS[line.event](line); } catch (error) { words = null; }
  words = words || `${line.event.replaceAll("_", " ")}${line.what ? `: ${line.what}` : ""}`;
  const row = make("li", undefined, BAD.includes(line.event) ? "bad" : MILD.includes(line.event) ? "mild" : "");
  const when = make("time", new Date(line.time).toLocaleTimeString());
  row.append(when, make("span", words));
  if (["decision", "cell", "changed"].includes(line.event)) {
    $("decided").hidden = false;
    put($("decisions"), row.cloneNode(true));
  }
  if (line.event !== "cells") put($("journal"), row);
}

function put(list, row) {
  list.prepend(row);
  while (list.childElementCount > KEPT) list.lastChild.remove();
}

// ------------------------------------------------------------------ what people do

function sure(question) {
  $("question").textContent = question;
  $("sure").returnValue = "no";
  $("sure").showModal();
  return new Promise((done) => { $("sure").onclose = () => done($("sure").returnValue === "yes"); });
}

async function control(verb, question) {
  if (question && !(await sure(question))) return;
  try {
    tell(null);
    await ask(path(`/${verb}`), {});
  } catch (error) { tell(error); }
  if (view.ended) { view.ended = false; listen(); }
  refresh();
  refreshList().catch(tell);
}

function asked() {
  const [kind, ...rest] = $("what").value.split(":"), request = { [kind]: rest.join(":") };
  if ($("newname").value.trim()) request.name = $("newname").value.trim();
  if ($("loops").value) request.changes = [`sequence.time_plan.loops=${Number($("loops").value)}`];
  if ($("preset").value) request.presets = [$("preset").value];
  return request;
}

async function check() {
  $("plan").hidden = false;
  $("plan").textContent = "checking …";
  try {
    const plan = await ask("/api/check", asked());
    const keys = ["stacks", "timepoints", "stack_shape_czyx", "interval_s", "disk_gib", "microscope", "engine", "calibration", "warnings"];
    $("plan").textContent = keys.filter((k) => plan[k] !== undefined).map((k) => `${k}: ${Array.isArray(plan[k]) ? plan[k].join(k === "warnings" ? "\n  " : " × ") || "none" : plan[k]}`).join("\n");
  } catch (error) { $("plan").textContent = error.message; }
}

async function start(event) {
  event.preventDefault();
  if (!(await sure(`Start ${$("what").value.replace(":", " ")}? The light goes on.`))) return;
  try {
    tell(null);
    const begun = await ask("/api/sessions", asked());
    $("new").open = false;
    open(begun.name, true);
    await refreshList();
  } catch (error) { tell(error); }
}

async function note(event) {
  event.preventDefault();
  const text = $("words").value.trim();
  if (!text || view.session === null) return;
  try {
    await ask(path("/notes"), { text });
    $("words").value = "";
  } catch (error) { tell(error); }
}

async function begin() {
  const structures = await ask("/static-data/structures.json");
  for (const one of structures) {
    const label = make("label"), box = Object.assign(make("input"), { type: "checkbox", value: one.name, checked: one.on }), dot = make("i");
    dot.style.background = `#${one.color}`;
    label.append(box, dot, make("span", one.title));
    box.onchange = () => { view.structures[box.checked ? "add" : "delete"](one.name); draw(); };
    if (one.on) view.structures.add(one.name);
    $("structures").append(label);
  }
  for (const id of ["channel", "mode", "image", "plane", "max", "time"]) $(id).oninput = () => { labels(); draw(); };
  $("pause").onclick = () => control("pause");
  $("resume").onclick = () => control("resume");
  $("stop").onclick = () => control("stop", `Stop ${view.session} after the present stack?`);
  $("start").onsubmit = start;
  $("note").onsubmit = note;
  $("check").onclick = check;
  window.onresize = () => draw();
  await refreshList().catch(tell);
  setInterval(() => refreshList().catch(() => {}), 3000);
  setInterval(() => { if (view.status === null || BUSY.includes(view.status.state)) refresh(); }, 2000);
}

begin().catch(tell);
