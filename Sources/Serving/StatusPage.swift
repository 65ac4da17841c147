import Observability
import Storage

/// The status page: one file that asks nobody but this endpoint. It is whole without a script, which only keeps it fresh.
enum StatusPage {
    /// The page for how a run stands, as seen at `now` in seconds since 1970.
    static func html(_ status: RunStatus, at now: Double) -> String {
        let moment = status.moment(now)
        let progress = status.metrics?.progress
        let name = status.swarm.isEmpty ? "murmur" : status.swarm
        // Whoever replaces a mark looks at what is around it only, not at what was put in before.
        return pieces.map { piece in
            switch piece {
            case "/*title*/": HTML.escape(name)
            case "/*notice*/": HTML.escape(status.notice ?? "")
            case "/*facts*/": progress.map { facts($0, isRunning: status.stage == .running, at: moment) } ?? ""
            case "/*trouble*/": progress.map(trouble) ?? ""
            case "/*peers*/": progress.map(rows) ?? ""
            default: piece
            }
        }.joined()
    }

    private static func facts(_ progress: SwarmProgress, isRunning: Bool, at now: Double) -> String {
        func fact(_ name: String, _ value: String, _ id: String) -> String {
            "<div><dt>\(name)</dt><dd id=\"\(id)\">\(HTML.escape(value))</dd></div>\n"
        }
        let round = progress.slowestRound.map { place($0, of: progress.rounds) } ?? (progress.isDone ? "finished" : "–")
        let left = isRunning ? progress.secondsLeft(at: now) : nil
        return fact("round", round, "round")
            + fact("time", Readable.time(progress.seconds(at: progress.isDone ? nil : now)), "time")
            + fact("time left", left.map { "about " + Readable.time($0) } ?? "–", "left")
            + fact("sent", Readable.bytes(progress.bytesSent), "sent")
            + fact("peers", "\(progress.names.count)", "count")
    }

    private static func place(_ round: Int, of rounds: Int) -> String {
        round < rounds ? "\(round + 1) of \(rounds)" : "settling \(round - rounds + 1)"
    }

    private static func trouble(_ progress: SwarmProgress) -> String {
        let disks = progress.names.compactMap { name in
            progress.peers[name]?.diskFailure.map { "\(name): its disk takes nothing: \($0)" }
        }
        let out = progress.leftOut.map { "\($0.name) is left out by \($0.by.joined(separator: ", "))" }
        return (disks + out).map { "<li>\(HTML.escape($0))</li>\n" }.joined()
    }

    private static func rows(_ progress: SwarmProgress) -> String {
        progress.names.compactMap { name in
            progress.peers[name].map { state in
                let step = state.steps.map { "\($0.done) of \($0.all)" } ?? ""
                let cells: [(String, String)] = [
                    ("phase", state.phase), ("round", place(state.round, of: progress.rounds)), ("steps", step),
                    ("loss", Readable.number(state.loss)),
                    ("distance", Readable.scientific(state.disagreement)),
                    ("neighbours", "\(state.neighbours.count)"), ("sent", Readable.bytes(state.bytesSent)),
                    ("received", Readable.bytes(state.bytesReceived)),
                    ("left out", state.without.sorted().joined(separator: ", ")),
                ]
                return "<tr data-phase=\"\(HTML.escape(state.phase))\"><th scope=\"row\">\(HTML.escape(name))</th>"
                    + cells.map { "<td data-head=\"\($0)\">\(HTML.escape($1))</td>" }.joined() + "</tr>\n"
            }
        }.joined()
    }

    /// The page's text, cut at the marks for what differs.
    private static let pieces: [String] = {
        var pieces: [String] = []
        var rest = page[...]
        while let begin = rest.firstRange(of: "/*"), let end = rest[begin.upperBound...].firstRange(of: "*/") {
            pieces += [String(rest[..<begin.lowerBound]), String(rest[begin.lowerBound..<end.upperBound])]
            rest = rest[end.upperBound...]
        }
        return pieces + [String(rest)]
    }()

    private static let page = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <noscript><meta http-equiv="refresh" content="5"></noscript>
        <title>/*title*/</title>
        <style>
        :root { color-scheme: light dark; --line: #8886; --bad: #b3261e; --quiet: #5f6368; }
        @media (prefers-color-scheme: dark) { :root { --bad: #ffb4ab; --quiet: #a8adb3; } }
        body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem; }
        h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
        #notice { color: var(--quiet); margin: .2rem 0 0; }
        dl { display: grid; gap: .6rem 1.5rem; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); }
        dt { color: var(--quiet); font-size: .85rem; } dd { font-size: 1.15rem; margin: 0; }
        #trouble { color: var(--bad); margin: 0; overflow-wrap: anywhere; padding-left: 1.2rem; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-top: 1rem; width: 100%; }
        th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: right; }
        :is(th, td):nth-child(-n + 2) { text-align: left; }
        thead th { color: var(--quiet); font-size: .85rem; font-weight: 400; }
        tbody th { font-weight: 600; overflow-wrap: anywhere; }
        td[data-head="left out"], tr[data-phase="dead"] td[data-head="phase"] { color: var(--bad); }
        footer { color: var(--quiet); font-size: .85rem; margin-top: 1.5rem; }
        @media (max-width: 52rem) {
          thead { display: none; }
          table, tbody { display: block; }
          tr { border-bottom: 1px solid var(--line); display: grid; gap: .1rem 1rem; grid-template-columns: 1fr 1fr;
            padding: .7rem 0; }
          th, td { border: 0; overflow-wrap: anywhere; padding: 0; text-align: left; }
          tbody th { grid-column: 1 / -1; }
          td:empty { display: none; }
          td::before { color: var(--quiet); content: attr(data-head) " "; font-size: .85rem; }
        }
        </style>
        </head>
        <body>
        <main>
        <h1>/*title*/</h1>
        <p id="notice" role="status">/*notice*/</p>
        <dl id="facts">
        /*facts*/</dl>
        <ul id="trouble">
        /*trouble*/</ul>
        <table>
        <thead><tr><th scope="col">peer</th><th scope="col">phase</th><th scope="col">round</th>
        <th scope="col">steps</th><th scope="col">loss</th><th scope="col">distance</th>
        <th scope="col">neighbours</th><th scope="col">sent</th><th scope="col">received</th>
        <th scope="col">left out</th></tr></thead>
        <tbody id="peers">
        /*peers*/</tbody>
        </table>
        </main>
        <footer>Loss in nats a token. Distance: to the farthest neighbour's adapter before mixing, relative.
        For programs: <a href="/status.json">/status.json</a>, <a href="/metrics">/metrics</a>.</footer>
        <script>
        "use strict";
        // The page is made anew by who serves it; only what shows the run is taken over.
        const shown = ["h1", "#notice", "#facts", "#trouble", "#peers"];
        async function refresh() {
          try {
            const answer = await fetch("/", { cache: "no-store" });
            if (!answer.ok) throw new Error("the status page answers " + answer.status);
            const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
            for (const part of shown) document.querySelector(part).replaceWith(fresh.querySelector(part));
            document.title = fresh.title;
          } catch (error) {
            document.querySelector("#notice").textContent =
              "nobody answers any more: the run has ended, or its machine is not reached";
          }
          setTimeout(refresh, 2000);
        }
        setTimeout(refresh, 2000);
        </script>
        </body>
        </html>
        """#
}
