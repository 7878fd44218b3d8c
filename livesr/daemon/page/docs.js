"use strict";
// Shows openapi.json: no library, so that it also works where there is no internet.

function make(tag, text, name) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

function kind(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  return schema.items ? `list of ${kind(schema.items)}` : schema.type || "";
}

function table(rows) {
  const list = make("dl");
  for (const [name, words] of rows) list.append(make("dt", name), make("dd", words));
  return list;
}

function operation(path, method, one) {
  const card = make("details", undefined, "card"), head = make("summary");
  head.append(make("b", method.toUpperCase()), ` ${path} `, make("span", one.description || "", "quiet"));
  card.append(head);
  const parameters = (one.parameters || []).map((p) => [p.name, [kind(p.schema), p.description || p.schema?.description, p.schema?.default !== undefined ? `default ${JSON.stringify(p.schema.default)}` : ""].filter(Boolean).join(", ")]);
  const body = one.requestBody?.content?.["application/json"]?.schema;
  if (body) parameters.push(["body", kind(body)]);
  const answers = Object.entries(one.responses).map(([status, r]) => [status, [r.description, kind(r.content?.["application/json"]?.schema), Object.keys(r.content || {}).filter((k) => k !== "application/json").join()].filter(Boolean).join(" · ")]);
  if (parameters.length) card.append(make("h3", "asked"), table(parameters));
  card.append(make("h3", "answered"), table(answers));
  return card;
}

fetch("/openapi.json").then((answer) => answer.json()).then((api) => {
  document.getElementById("about").textContent = `API ${api.info.version}`;
  const [left, right] = [make("section"), make("section")];
  left.append(make("p", api.info.description, "quiet"));
  for (const [path, methods] of Object.entries(api.paths)) for (const [method, one] of Object.entries(methods)) left.append(operation(path, method, one));
  right.append(make("h3", "What is sent and answered"));
  for (const [name, schema] of Object.entries(api.components?.schemas || {})) {
    const card = make("details", undefined, "card");
    card.append(make("summary", name), make("p", schema.description || "", "quiet"), table(Object.entries(schema.properties || {}).map(([key, p]) => [key, [kind(p), p.description].filter(Boolean).join(" · ")])));
    right.append(card);
  }
  document.getElementById("api").append(left, right);
});
