import Basics
import Federation
import Observability
import TestSupport
import Testing

/// What a terminal shows of a swarm at work, by a model of one.
@Suite struct LiveViewTests {
    /// A swarm of `count` peers in `rounds` rounds of ten seconds, each with four neighbours.
    struct Swarm {
        var progress: SwarmProgress
        let names: [String]
        var time = 1_000_000.0

        init(_ count: Int, rounds: Int = 20) {
            names = (0..<count).map { "peer-\($0)" }
            progress = SwarmProgress(names: names, rounds: rounds)
            for name in names { tell(.started(round: 0, resumed: false), by: name) }
        }

        mutating func tell(_ kind: PeerEvent.Kind, by name: String) {
            progress.record(LoggedEvent(kind.described, time: time, peer: name) { "peer-\($0.bytes[0])" })
        }

        /// Local steps that are done, as a peer's process tells its supervisor.
        mutating func step(_ done: Int, of all: Int, in round: Int, by name: String) {
            progress.record(.stepped(time: time, peer: name, round: round, step: done, of: all))
        }

        /// Everybody goes through a round, without those in `absent`.
        mutating func pass(_ round: Int, without absent: [UInt8] = []) {
            for name in names {
                tell(.roundStarted(round: round), by: name)
                tell(
                    .trained(round: round, loss: 2.25, tokens: 64, records: 16, duration: .seconds(8)), by: name)
            }
            time += 10
            for name in names {
                tell(
                    .mixed(
                        round: round, disagreement: 0.001, present: [], absent: absent.map(LiveViewTests.peer),
                        duration: .seconds(2)), by: name)
                tell(
                    .traffic(
                        PeerTraffic(
                            bytesSent: 123_456 * UInt64(round + 1), bytesReceived: 123_000, datagramsSent: 1,
                            datagramsReceived: 1, packetsLost: 0, dropped: 0)), by: name)
            }
        }
    }

    static func peer(_ number: UInt8) -> PeerID { PeerID(bytes: [UInt8](repeating: number, count: PeerID.byteCount))! }

    static let usual = ScreenSize.usual

    @Test(arguments: [1, 4, 24, 100]) func theHeadStaysAndNothingWrapsOrScrolls(count: Int) {
        var swarm = Swarm(count)
        var screen = ScreenModel(columns: 80, rows: 24)
        var view = LiveView("demo", isTerminal: true)
        screen.write("$ murmur swarm demo.yaml --out run\n")
        for round in 0..<20 {
            swarm.pass(round)
            for name in swarm.names { swarm.tell(.roundStarted(round: round + 1), by: name) }
            screen.write(view.render(swarm.progress, size: Self.usual, at: swarm.time))
            #expect(screen.wraps == 0)
            #expect(screen.rows.count { $0.hasPrefix("demo  ") } == 1, "\(screen.rows)")
            #expect(screen.rows.count { $0.hasPrefix("peer-0 ") } == 1, "\(screen.rows)")
            #expect(screen.rows.count { $0.hasPrefix("peer ") } == 1, "the heads of the columns")
        }
        // Only what stood there before may have made room for the first page.
        #expect(screen.scrolledAway.allSatisfy { $0.hasPrefix("$ ") }, "\(screen.scrolledAway)")
    }

    @Test func oneIsOne() {
        var swarm = Swarm(1)
        swarm.tell(.roundStarted(round: 0), by: "peer-0")
        var screen = ScreenModel(columns: 80, rows: 24)
        var view = LiveView("demo", isTerminal: true)
        screen.write(view.render(swarm.progress, size: Self.usual, at: swarm.time))
        #expect(screen.rows[1] == "1 peer: 1 training")
        #expect(Readable.count(1, "step") == "1 step" && Readable.count(0, "step") == "0 steps")
    }

    @Test func ofManyPeersTheOthersAreCounted() throws {
        var swarm = Swarm(24)
        swarm.pass(0, without: [21])
        for name in swarm.names { swarm.tell(.roundStarted(round: 1), by: name) }
        swarm.tell(.checkpointFailed(round: 1, reason: "no space left on device"), by: "peer-20")
        swarm.progress.markDead("peer-22")
        var screen = ScreenModel(columns: 80, rows: 24)
        var view = LiveView("demo", isTerminal: true)
        screen.write(view.render(swarm.progress, size: Self.usual, at: swarm.time))
        let rows = screen.rows
        #expect(rows[0].hasPrefix("demo  round 2/20"))
        #expect(rows[1] == "24 peers: 23 training, 1 dead")
        #expect(rows[2] == "! peer-20: its disk takes nothing: no space left on device")
        #expect(rows[3].hasPrefix("! left out of the last mixing: peer-21 (by 24 neighbours)"))
        // Those with trouble are shown, whatever their place.
        for name in ["peer-20", "peer-21", "peer-22"] { #expect(rows.contains { $0.hasPrefix(name + " ") }, "\(rows)") }
        let last = try #require(rows.last { !$0.isEmpty })
        #expect(last.hasPrefix("and ") && last.hasSuffix("training"), "\(last)")
        #expect(rows.count { $0.hasPrefix("peer-") } + (Int(last.split(separator: " ")[1]) ?? 0) == 24)
    }

    @Test(arguments: [(80, 24), (60, 20), (40, 12), (24, 8), (12, 5), (5, 3), (1, 1), (200, 60)])
    func smallTerminalsAreFitted(columns: Int, rows: Int) {
        let size = ScreenSize(columns: columns, rows: rows)
        var swarm = Swarm(6)
        var screen = ScreenModel(columns: columns, rows: rows)
        var view = LiveView("demo", isTerminal: true)
        for round in 0..<5 {
            swarm.pass(round, without: [3])
            screen.write(view.render(swarm.progress, size: size, at: swarm.time))
        }
        #expect(screen.wraps == 0)
        // A terminal of one row has none for the cursor.
        if rows > 1 {
            #expect(screen.scrolledAway.isEmpty, "\(screen.scrolledAway)")
            #expect(screen.rows[0].hasPrefix(String("demo".prefix(max(1, columns - 1)))), "\(screen.rows)")
        }
        if columns >= 12, rows >= 8 { #expect(screen.rows.contains { $0.hasPrefix("peer-0") }, "\(screen.rows)") }
    }

    @Test(arguments: [(120, 40, 80, 24), (80, 24, 120, 40), (80, 24, 40, 10), (40, 10, 81, 25)])
    func anotherSizeIsDrawnAnew(columns: Int, rows: Int, thenColumns: Int, thenRows: Int) {
        let sizes = [ScreenSize(columns: columns, rows: rows), ScreenSize(columns: thenColumns, rows: thenRows)]
        var swarm = Swarm(24)
        var screen = ScreenModel(columns: columns, rows: rows)
        var view = LiveView("demo", isTerminal: true)
        for round in 0..<8 {
            swarm.pass(round)
            let size = sizes[round % 2]
            if round > 0 { screen.resize(columns: size.columns, rows: size.rows) }
            screen.write(view.render(swarm.progress, size: size, at: swarm.time))
            #expect(screen.wraps == 0)
            #expect(screen.rows[0].hasPrefix("demo  "), "\(screen.rows)")
            #expect(screen.rows.count { $0.hasPrefix("demo  ") } == 1, "\(screen.rows)")
            #expect(screen.rows.count { $0.hasPrefix("peer-0 ") } == 1, "\(screen.rows)")
        }
    }

    @Test func timeThatIsLeftAndStepsAreShown() {
        var swarm = Swarm(3)
        var view = LiveView("demo", isTerminal: true)
        func page(_ swarm: Swarm, at time: Double) -> [String] {
            var screen = ScreenModel(columns: 80, rows: 24)
            var view = LiveView("demo", isTerminal: true)
            screen.write(view.render(swarm.progress, size: Self.usual, at: time))
            return screen.rows
        }
        swarm.pass(0)
        #expect(!page(swarm, at: swarm.time)[0].contains("left"), "not known yet")
        for round in 1..<6 { swarm.pass(round) }
        for name in swarm.names { swarm.tell(.roundStarted(round: 6), by: name) }
        swarm.step(4, of: 10, in: 6, by: "peer-1")
        // Fourteen rounds of ten seconds, of which four seconds have passed.
        let rows = page(swarm, at: swarm.time + 4)
        #expect(rows[0].contains("round 7/20") && rows[0].contains("about 2:16 left"), "\(rows[0])")
        #expect(rows[0].contains("1:04"), "how long it has taken: \(rows[0])")
        #expect(rows.contains { $0.hasPrefix("peer-1 ") && $0.contains(" 4/10 ") }, "\(rows)")
        #expect(!rows.contains { $0.hasPrefix("peer-0 ") && $0.contains("/10 ") }, "\(rows)")
        // A page that is taken away leaves what was above it.
        var screen = ScreenModel(columns: 80, rows: 24)
        screen.write("$ murmur\n" + view.render(swarm.progress, size: Self.usual, at: swarm.time))
        screen.write(view.erase() + "peer-1 was ended by signal 9\n")
        screen.write(view.render(swarm.progress, size: Self.usual, at: swarm.time))
        #expect(screen.rows[0...1] == ["$ murmur", "peer-1 was ended by signal 9"])
        #expect(screen.rows[2].hasPrefix("demo  "))
    }

    @Test func aPipeGetsOneLineARoundAndIsToldOfDisks() {
        var swarm = Swarm(1)
        var view = LiveView("demo", isTerminal: false)
        func news(_ swarm: Swarm) -> [Substring] {
            view.render(swarm.progress, size: Self.usual, at: 0).split(separator: "\n")
        }
        swarm.pass(0)
        #expect(news(swarm).count == 1)
        #expect(news(swarm).isEmpty)
        swarm.pass(1)
        #expect(news(swarm).first?.hasPrefix("peer-0: round 2/20") == true)
        swarm.tell(.checkpointFailed(round: 2, reason: "no space left on device"), by: "peer-0")
        #expect(news(swarm) == ["peer-0: its disk takes nothing: no space left on device"])
        #expect(news(swarm).isEmpty, "once")
    }
}

@Suite struct RoundPaceTests {
    @Test func theMedianOfTheLastRoundsCounts() {
        var pace = RoundPace()
        for (round, time) in [100.0, 110, 120, 170, 180].enumerated() {
            #expect((pace.secondsEach == nil) == (round < 3))
            pace.ended(round: round, at: time)
        }
        #expect(pace.secondsEach == 10)
        #expect(pace.secondsLeft(of: 20, at: 183) == 147)
        #expect(pace.secondsLeft(of: 20, at: 999) == 140, "the round may end at any moment")
        #expect(pace.secondsLeft(of: 5, at: 180) == 0)
        pace.ended(round: 9, at: 200)
        #expect(pace.secondsEach == nil, "rounds were passed over")
    }

    @Test(arguments: [(0.04, "0.0 s"), (4.25, "4.3 s"), (59.4, "59 s"), (192, "3:12"), (7392, "2:03:12")])
    func timesAreReadable(seconds: Double, text: String) {
        #expect(Readable.time(seconds) == text)
    }
}
