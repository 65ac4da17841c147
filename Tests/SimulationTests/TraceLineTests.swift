import Faults
import Federation
import Simulation
import Synchronization
import Testing

@Suite struct TraceLineTests {
    @Test(arguments: [
        TraceLine(microseconds: 0, subject: "peer-0", event: "starts"),
        TraceLine(
            microseconds: 12_000_034, subject: "a peer", event: "mixed",
            fields: [.init("present", "peer-1,peer-2"), .init("absent", ""), .init("reason", "\"it\" said\\n=\n no")]),
        TraceLine(microseconds: 1 << 50, subject: "ü", event: "x", fields: [.init("a", "b=c"), .init("a", "日")]),
    ])
    func itIsReadAsItWasWritten(line: TraceLine) {
        #expect(TraceLine(parsing: line.text) == line)
        #expect(!line.text.contains("\n"))
    }

    @Test(arguments: [
        "", "1.000000", "1.000000 peer", "1 peer starts", "-1.000000 peer starts", "1.00000 peer starts",
        "x.000000 peer starts", "1.000000 \"peer starts", "1.000000 peer starts bytes", "1.000000 peer starts =3",
        "1.000000 peer starts a=\"b\"c", "99999999999999999999.000000 peer starts", "1.+00000 peer starts",
    ])
    func whatIsNoneIsRefused(text: String) {
        #expect(TraceLine(parsing: text) == nil)
    }

    /// Every line of a run with all kinds of faults is one, and its times are those of the fault file.
    @Test func everyLineOfARunCanBeRead() throws {
        let seen = Mutex<[TraceLine]>([])
        let bad = Mutex<[String]>([])
        let faults = FaultSchedule.drawn(seed: 11, temper: .init(hasByzantine: true))
        var scenario = SimulationScenario(
            topology: try SimulatedSwarmTests.topology(count: 6), faults: faults, seed: 11)
        scenario.patience = faults.healing + .seconds(60)
        var swarm = try SimulatedSwarm(scenario) { text in
            if let line = TraceLine(parsing: text) {
                seen.withLock { $0.append(line) }
            } else {
                bad.withLock { $0.append(text) }
            }
        }
        let report = try swarm.run()
        #expect(bad.withLock(\.self) == [])
        let lines = seen.withLock(\.self)
        #expect(lines.count == report.events)
        #expect(lines.map(\.microseconds) == lines.map(\.microseconds).sorted())
        #expect(lines.first { $0.event == "starts" }?.microseconds == 0)
        let names = Set(lines.map(\.event))
        for name in ["starts", "receives", "mixed", "trained", "connected", "delivered", "stops"] {
            #expect(names.contains(name), "\(name)")
        }
        // A peer's events have the log's names; the others are the simulator's own.
        let own: Set = [
            "starts", "receives", "delivered", "stops", "killed", "intrudes", "fault_begins", "fault_ends",
        ]
        #expect(names.subtracting(PeerEvent.Kind.examples.map(\.described.name)).isSubset(of: own))
        let neighbours = Set(lines.filter { $0.event == "connected" }.flatMap(\.fields).map(\.value))
        #expect(neighbours.isSubset(of: Set((0..<6).map { "peer-\($0)" })))
    }
}
