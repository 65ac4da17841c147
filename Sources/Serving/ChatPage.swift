import Hummingbird
import Storage

/// The page to talk to the models: one file, which asks nobody but this endpoint.
enum ChatPage {
    /// The page with the names of models and templates in it.
    static func html(models: [String], templates: [String]) -> String {
        func list(_ names: [String]) -> String {
            let json = JSONValue.array(names.map(JSONValue.text)).encoded(indented: false)
            // Within a script nothing may look like the end of it.
            return String(decoding: json, as: UTF8.self).replacing("<", with: "\\u003c")
        }
        return page.replacing("[/*models*/]", with: list(models))
            .replacing("[/*templates*/]", with: list(templates))
    }

    static func response(_ html: String) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "text/html; charset=utf-8"
        headers[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
    }

    private static let page = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>murmur</title>
        <style>
        :root { color-scheme: light dark; --line: #8886; --accent: #0b6e4f; }
        body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }
        h1 { font-size: 1.2rem; }
        label { display: block; font-size: .85rem; margin-top: .6rem; }
        textarea, input, select { box-sizing: border-box; font: inherit; padding: .35rem; width: 100%; }
        .models, .settings { display: grid; gap: 0 .8rem; align-items: end; }
        .models { grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); }
        .settings { grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); }
        summary { cursor: pointer; font-size: .85rem; margin-top: .8rem; }
        button { background: var(--accent); border: 0; border-radius: .3rem; color: #fff; font: inherit;
          margin: .8rem .4rem .8rem 0; padding: .5rem 1.2rem; }
        button:disabled { opacity: .5; }
        .sides { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); }
        article { border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .8rem; }
        h2 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
        .turn { border-top: 1px solid var(--line); padding: .4rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
        .turn b { font-size: .8rem; opacity: .75; }
        .error { color: #c33; }
        </style>
        </head>
        <body>
        <h1>murmur: the base model and its adapters, side by side</h1>
        <div class="models">
        <label>left<select id="left"></select></label>
        <label>right<select id="right"></select></label>
        </div>
        <label>instruction<textarea id="instruction" rows="3"></textarea></label>
        <label>input (the context it speaks about; may be empty)<textarea id="input" rows="2"></textarea></label>
        <details>
        <summary>Template and sampling</summary>
        <div class="settings">
        <label>template<select id="template"></select></label>
        <label>temperature<input id="temperature" type="number" min="0" max="2" step="0.05" value="0.1"></label>
        <label>top p<input id="top_p" type="number" min="0" max="1" step="0.05" value="0.75"></label>
        <label>top k<input id="top_k" type="number" min="0" max="100" step="1" value="40"></label>
        <label>beams<input id="num_beams" type="number" min="1" max="4" step="1" value="1"></label>
        <label>most tokens<input id="max_tokens" type="number" min="1" max="2000" step="1" value="128"></label>
        <label>seed (empty: any)<input id="seed" type="number" min="0" step="1"></label>
        <label>token, if needed<input id="token" type="password" autocomplete="off"></label>
        </div>
        </details>
        <button id="send">Send</button><button id="stop" disabled>Stop</button><button id="clear">New conversation</button>
        <div class="sides">
        <article aria-live="polite"><h2></h2><div class="turns"></div></article>
        <article aria-live="polite"><h2></h2><div class="turns"></div></article>
        </div>
        <script>
        "use strict";
        const models = [/*models*/], templates = [/*templates*/];
        const get = id => document.getElementById(id);
        const sides = [...document.querySelectorAll("article")].map((element, index) => ({
          select: get(index ? "right" : "left"), title: element.querySelector("h2"),
          turns: element.querySelector(".turns"), messages: []
        }));
        const fill = (select, names) => names.forEach(name => select.add(new Option(name, name)));
        let abort = null;
        fill(get("template"), templates);
        sides.forEach((side, index) => {
          fill(side.select, [...models, ...(index ? ["(none)"] : [])]);
          side.select.value = models[Math.min(index, models.length - 1)];
          if (index && models.length < 2) side.select.value = "(none)";
          side.select.addEventListener("change", clear);
        });
        function clear() {
          for (const side of sides) {
            side.messages = [];
            side.turns.replaceChildren();
            side.title.textContent = side.select.value;
          }
        }
        function turn(side, who) {
          const box = document.createElement("div"), name = document.createElement("b");
          const text = document.createElement("div");
          box.className = "turn";
          name.textContent = who;
          box.append(name, text);
          side.turns.append(box);
          return text;
        }
        async function answer(side, instruction, input, signal) {
          side.messages.push({ role: "user", content: instruction });
          turn(side, "you").textContent = input ? instruction + "\n" + input : instruction;
          const text = turn(side, side.select.value);
          const body = { model: side.select.value, template: get("template").value, messages: side.messages,
            stream: true };
          if (input) body.input = input;
          for (const id of ["temperature", "top_p", "top_k", "num_beams", "max_tokens", "seed"])
            if (get(id).value !== "") body[id] = Number(get(id).value);
          const headers = { "Content-Type": "application/json" };
          if (get("token").value) headers.Authorization = "Bearer " + get("token").value;
          let whole = "";
          try {
            const response = await fetch("/v1/chat/completions",
              { method: "POST", headers, body: JSON.stringify(body), signal });
            if (!response.ok) throw new Error((await response.json()).error.message);
            const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
            let rest = "";
            for (;;) {
              const { value, done } = await reader.read();
              if (done) break;
              const events = (rest + value).split("\n\n");
              rest = events.pop();
              for (const event of events) {
                if (!event.startsWith("data: ") || event === "data: [DONE]") continue;
                const piece = JSON.parse(event.slice(6));
                if (piece.error) throw new Error(piece.error.message);
                whole += piece.choices[0]?.delta?.content ?? "";
                text.textContent = whole;
              }
            }
          } catch (error) {
            if (error.name !== "AbortError") {
              const line = document.createElement("div");
              line.className = "error";
              line.textContent = error.message;
              text.after(line);
            }
          }
          side.messages.push({ role: "assistant", content: whole });
        }
        get("send").addEventListener("click", async () => {
          const instruction = get("instruction").value.trim(), input = get("input").value.trim();
          if (!instruction) return;
          abort = new AbortController();
          get("send").disabled = true;
          get("stop").disabled = false;
          await Promise.all(sides.filter(side => side.select.value !== "(none)")
            .map(side => answer(side, instruction, input, abort.signal)));
          get("send").disabled = false;
          get("stop").disabled = true;
        });
        get("stop").addEventListener("click", () => abort?.abort());
        get("clear").addEventListener("click", clear);
        get("instruction").addEventListener("keydown", event => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) get("send").click();
        });
        clear();
        </script>
        </body>
        </html>

        """#
}
