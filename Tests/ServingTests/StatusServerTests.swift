import Foundation
import MurmurKit
import Observability
import Serving
import Storage
import SwarmFile
import TestSupport
import Testing

/// The status page over real HTTP.
@Suite struct StatusServerTests {
    /// A topology of three peers.
    static let topology: SwarmTopology = {
        let text = """
            murmuration: 1
            swarm: { name: flock, seed: 7 }
            model: { base: builtin:fledgling }
            tuning: { rounds: 4 }
            data: { source: builtin:chores }
            graph: { kind: ring }
            peers: { count: 3, host: 127.0.0.1, first-port: 24000 }
            """
        // The text is above: one that cannot be read fails every test here.
        return try! SwarmTopology.parse(text, file: "flock.yaml")
    }()

    private static func line(_ event: String, _ fields: [(String, JSONValue)], peer: String = "peer-0") -> ToldEvent {
        ToldEvent(
            LoggedEvent(
                time: Date().timeIntervalSince1970, peer: peer, event: event, fields: JSONObject(fields)))
    }

    /// Runs `body` with the page of `board`; the token and the connections are what `change` makes of them.
    private func showing(
        _ board: StatusBoard, _ change: (inout Door) -> Void = { _ in }, _ body: (HTTPVisitor) async throws -> Void
    ) async throws {
        var door = Door(port: 0, tokenVariable: "TOKEN", connections: 8)
        change(&door)
        var address = ""
        try await StatusServer(board, door: door, freshness: .zero).whileListening(announce: { address = $0 }) {
            let port = try #require(Door.place(String(address.dropFirst("http://".count).dropLast()))?.port)
            try await body(HTTPVisitor(port: port))
        }
    }

    @Test func theRunIsShownAsItGoes() async throws {
        let board = StatusBoard(waitingFor: "the run is made ready")
        try await showing(board) { visitor in
            var json = try await visitor.ask("GET", "/status.json").json
            #expect(json["state"]?.text == "waiting" && json["peers"] == nil)
            #expect(try await visitor.ask("GET", "/").body.contains("waits: the run is made ready"))
            #expect(try await visitor.ask("GET", "/metrics").status == 200)

            board.begin(Self.topology, names: ["peer-0", "peer-1", "peer-2"])
            board.receive(Self.line("started", [("round", .integer(0)), ("resumed", .bool(false))]))
            board.receive(
                Self.line("trained", [("round", .integer(1)), ("loss", .number(2.5)), ("seconds", .number(0.5))]))
            board.receive(
                Self.line("mixed", [("round", .integer(1)), ("absent", .array([.text("peer-2")]))]))
            board.receive(Self.line("traffic", [("bytes_sent", .integer(1234))]))
            board.markDead("peer-2")
            let answer = try await visitor.ask("GET", "/status.json")
            json = answer.json
            #expect(answer.headers.lowercased().contains("content-type: application/json"))
            #expect(answer.headers.lowercased().contains("cache-control: no-store"))
            #expect(json["state"]?.text == "running" && json["swarm"]?.text == "flock" && json["rounds"]?.int == 4)
            let peers = try #require(json["peers"]?.array)
            #expect(peers.map { $0["peer"]?.text } == ["peer-0", "peer-1", "peer-2"])
            #expect(peers[0]["loss"]?.double == 2.5 && peers[0]["bytes_sent"]?.int == 1234)
            #expect(peers[2]["phase"]?.text == "dead")

            let page = try await visitor.ask("GET", "/")
            #expect(page.status == 200 && page.headers.contains("default-src 'none'"))
            #expect(page.body.contains("peer-2 is left out by peer-0") && page.body.contains("2.500"))
            // It asks nobody else, and says how it stands without a script.
            #expect(!page.body.contains("http://") && !page.body.contains("https://") && !page.body.contains("src="))
            #expect(page.body.contains("<noscript><meta http-equiv=\"refresh\""))

            let metrics = try await visitor.ask("GET", "/metrics")
            #expect(metrics.headers.lowercased().contains("content-type: text/plain; version=0.0.4"))
            #expect(metrics.body.contains("murmur_sent_bytes_total{peer=\"peer-0\"} 1234\n"))
            #expect(metrics.body.contains("murmur_peer_phase{peer=\"peer-2\",phase=\"dead\"} 1\n"))
            #expect(metrics.body.contains("# TYPE murmur_rounds_total counter\n"))
            // The same as the values themselves say, whatever the backend made of them.
            let own = PrometheusText.of(try #require(board.status.metrics).families(at: 0))
            func still(_ text: String) -> [Substring] {
                text.split(separator: "\n").filter { !$0.hasPrefix("murmur_run_seconds") }
            }
            #expect(still(metrics.body) == still(own))
            #expect(try await visitor.ask("GET", "/health").json["status"]?.text == "ok")
        }
    }

    /// Names and reasons are somebody's: they are shown, and mean nothing.
    @Test func namesAreOnlyShown() async throws {
        let board = StatusBoard(waitingFor: "")
        let hostile = #"</script><img src=x onerror=alert(1)>"'&/*peers*/"#
        try await showing(board) { visitor in
            board.begin(Self.topology, names: ["peer-0", hostile])
            board.receive(Self.line("checkpoint_failed", [("reason", .text("\u{1B}[2J<b>\u{202E}"))], peer: hostile))
            let page = try await visitor.ask("GET", "/").body
            #expect(page.contains("&lt;/script&gt;&lt;img") && !page.contains("<img") && !page.contains("<b>"))
            #expect(!page.contains("\u{1B}") && !page.contains("\u{202E}"))
            #expect(page.contains("/*peers*/"), "a mark in a name stays a name")
            #expect(page.components(separatedBy: "<tr ").count == 3)
            let metrics = try await visitor.ask("GET", "/metrics").body
            #expect(metrics.contains(#"{peer="</script><img src=x onerror=alert(1)>\"'&/*peers*/"} 1"#))
            let peers = try await visitor.ask("GET", "/status.json").json["peers"]?.array
            #expect(peers?.last?["peer"]?.text == hostile)
        }
    }

    /// A run that begins anew has counters that begin anew, and no values of peers that are not in it.
    @Test func anotherRunLeavesNothingBehind() async throws {
        let board = StatusBoard(waitingFor: "")
        try await showing(board) { visitor in
            board.begin(Self.topology, names: ["peer-0", "peer-1"])
            for _ in 0..<3 { board.receive(Self.line("mixed", [("round", .integer(0))])) }
            #expect(try await visitor.ask("GET", "/metrics").body.contains("murmur_rounds_total{peer=\"peer-0\"} 3\n"))
            board.begin(Self.topology, names: ["peer-0"])
            board.receive(Self.line("mixed", [("round", .integer(0))]))
            let metrics = try await visitor.ask("GET", "/metrics").body
            #expect(metrics.contains("murmur_rounds_total{peer=\"peer-0\"} 1\n") && !metrics.contains("peer-1"))
        }
    }

    @Test func nothingCanBeChangedAndNobodyElseComesIn() async throws {
        try await showing(StatusBoard(waitingFor: "")) { visitor in
            for method in ["POST", "PUT", "DELETE"] {
                let answer = try await visitor.ask(method, "/status.json", body: "{}")
                #expect([404, 405].contains(answer.status), "\(method): \(answer.status)")
            }
            for path in ["/nowhere", "/../etc/passwd", "/status.json/x"] {
                #expect(try await visitor.ask("GET", path).status == 404)
            }
            // A name of another site that leads here.
            #expect(try await visitor.ask("GET", "/", headers: ["Host": "evil.example:80"]).status == 403)
        }
    }

    @Test func aTokenIsAskedFor() async throws {
        func basic(_ text: String) -> String { "Basic " + Data(text.utf8).base64EncodedString() }
        try await showing(StatusBoard(waitingFor: ""), { $0.token = "se:cret" }) { visitor in
            #expect(try await visitor.ask("GET", "/health").status == 200)
            for path in ["/", "/status.json", "/metrics"] {
                let refused = try await visitor.ask("GET", path)
                #expect(refused.status == 401 && refused.headers.lowercased().contains("www-authenticate: basic realm"))
                for wrong in ["Bearer secret", basic("se:cret"), basic("secret"), "Basic =", basic("a:se:cre"), ""] {
                    #expect(try await visitor.ask("GET", path, headers: ["Authorization": wrong]).status == 401)
                }
                for right in ["Bearer se:cret", basic("anybody:se:cret"), basic(":se:cret")] {
                    #expect(try await visitor.ask("GET", path, headers: ["Authorization": right]).status == 200)
                }
            }
        }
    }

    /// More visitors than are let in at a time are served one after another, and none for ever.
    @Test func manyVisitorsAreServed() async throws {
        let board = StatusBoard(waitingFor: "")
        board.begin(Self.topology, names: ["peer-0"])
        try await showing(board, { $0.connections = 2 }) { visitor in
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await visitor.ask("GET", "/metrics").status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers == Array(repeating: 200, count: 20))
        }
    }

    @Test func anAddressThatIsTakenIsSaidBeforeAnythingBegins() async throws {
        let board = StatusBoard(waitingFor: "")
        try await showing(board) { visitor in
            var door = Door(port: visitor.port, tokenVariable: "TOKEN")
            door.host = "127.0.0.1"
            var hasBegun = false
            let error = await #expect(throws: CommandFailure.self) {
                try await StatusServer(board, door: door).whileListening(announce: { _ in }) { hasBegun = true }
            }
            #expect(error?.description.contains("127.0.0.1:\(visitor.port): another program listens there") == true)
            #expect(!hasBegun)
        }
    }

    /// The page is there as long as the run, and what the run throws comes out.
    @Test func thePageGoesWithTheRun() async throws {
        let board = StatusBoard(waitingFor: "")
        var port = 0
        await #expect(throws: ExitStatus.partial) {
            try await showing(board) { visitor in
                port = visitor.port
                throw ExitStatus.partial
            }
        }
        var isGone = false
        for _ in 0..<500 where !isGone {
            try await Task.sleep(for: .milliseconds(10))
            isGone = (try? await HTTPVisitor(port: port).ask("GET", "/health").status) != 200
        }
        #expect(isGone)
    }

    @Test(arguments: [
        ("127.0.0.1:9464", "127.0.0.1", 9464), ("[::1]:0", "::1", 0), ("localhost:80", "localhost", 80),
        ("a.example:65535", "a.example", 65535),
    ])
    func placesAreRead(text: String, host: String, port: Int) {
        let place = Door.place(text)
        #expect(place?.host == host && place?.port == port)
    }

    @Test(arguments: [
        "", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "a:65536", "a:-1", "a:+1", "::1:80", "a:x", "[]:1",
    ])
    func whatIsNoPlaceIsRefused(text: String) {
        #expect(Door.place(text) == nil)
    }
}
