import Faults
import Foundation
import MurmurKit
import Observability
import TestSupport
import Testing

@Suite struct ProcessFaultsTests {
    static func faults() throws -> ProcessFaults {
        var schedule = FaultSchedule(name: "f", healing: .seconds(60))
        schedule.peers = [
            PeerFault(
                peers: .names(["ada"]), interval: .init(from: .seconds(5)),
                kind: .crash(restart: .seconds(2), disk: .amnesia)),
            PeerFault(peers: .names(["ben"]), interval: .init(from: .zero, until: .seconds(9)), kind: .absent),
            PeerFault(peers: .names(["cyd"]), interval: .init(from: .seconds(1), until: .seconds(2)), kind: .pause),
            PeerFault(peers: .names(["cyd"]), interval: .init(from: .seconds(1)), kind: .slow(3)),
        ]
        let names = ["ada", "ben", "cyd"]
        return ProcessFaults(plan: try FaultPlan(schedule, names: names, seed: 1), names: names)
    }

    @Test func actionsAreInTheirOrder() throws {
        let faults = try Self.faults()
        #expect(faults.actions.map(\.time) == [1, 2, 5, 7, 9].map { .seconds($0) })
        #expect(faults.actions.map(\.name) == ["cyd", "cyd", "ada", "ada", "ben"])
        #expect(faults.absent == ["ben"] && faults.gone == ["ben"])
    }

    @Test func aCrashIsFollowedByAStart() throws {
        var faults = try Self.faults()
        let folder = try TemporaryFolder()
        let nobody = Supervisor(executable: URL(fileURLWithPath: "/bin/false"))
        let state = folder.url.appendingPathComponent("state")
        try FileManager.default.createDirectory(at: state, withIntermediateDirectories: true)
        /// Whether the peer is to be started after the action.
        func perform(_ action: ProcessFaults.Action, on name: String = "ada") -> Bool {
            faults.perform(action, on: name, nobody)
        }
        /// Whether it is to be started after its end; nil where no fault ended it.
        func end() -> Bool? { faults.ended("ada", state: state) }

        #expect(end() == nil)
        #expect(perform(.crash(.amnesia)) == false)
        #expect(end() == false)
        #expect(!FileManager.default.fileExists(atPath: state.path))
        #expect(faults.gone == ["ada", "ben"])
        #expect(perform(.restart) == true)
        #expect(faults.gone == ["ben"] && faults.crashes == 1)
        // A restart that is due before the process has ended waits for that.
        #expect(perform(.crash(.kept)) == false)
        #expect(perform(.restart) == false)
        #expect(end() == true)
        #expect(perform(.pause, on: "cyd") == false)
        #expect(perform(.resume, on: "cyd") == false)
        #expect(faults.pauses == 1 && faults.crashes == 2)
    }

    @Test func aTornCheckpointIsCutInHalf() throws {
        let folder = try TemporaryFolder()
        try folder.write("0123456789", to: "checkpoint.bin")
        ProcessFaults.apply(.kept, to: folder.url)
        #expect(try Data(contentsOf: folder.url.appendingPathComponent("checkpoint.bin")).count == 10)
        ProcessFaults.apply(.torn, to: folder.url)
        #expect(try Data(contentsOf: folder.url.appendingPathComponent("checkpoint.bin")).count == 5)
    }

    @Test func whatIsNotAppliedIsNamed() throws {
        var schedule = FaultSchedule(name: "f", healing: .seconds(60))
        let interval = FaultInterval(from: .zero)
        let kinds: [PeerFault.Kind] = [
            .crash(restart: nil, disk: .kept), .absent, .pause, .churn(up: .seconds(1), down: .seconds(1), disk: .kept),
            .slow(2), .clockStep(.seconds(1)), .clockDrift(0.1), .disk(.full), .rebind, .byzantine(.signFlip), .slow(3),
        ]
        schedule.peers = kinds.map { PeerFault(peers: .all, interval: interval, kind: $0) }
        schedule.intruders = [Intruder(interval: interval, kind: .garbage)]
        let real = ["clock-step", "clock-drift", "disk full", "rebind", "byzantine", "intruder garbage"]
        #expect(NotApplied.of(schedule) == real)
        #expect(NotApplied.of(schedule, networkOnly: true) == ["crash", "absent", "pause", "churn", "slow"] + real)
    }

    @Test func aSupervisorReportsLinesAndEnds() async throws {
        let folder = try TemporaryFolder()
        func line(of peer: String) -> String {
            String(decoding: LoggedEvent(time: 1, peer: peer, event: "left").encoded, as: UTF8.self)
        }
        let supervisor = Supervisor(executable: URL(fileURLWithPath: "/bin/sh"))
        let brief = "echo '\(line(of: "ada"))'; echo no event; echo trouble >&2; exit 3"
        let patient = "echo '\(line(of: "ben"))'; exec sleep 7200"
        for (name, script) in [("ada", brief), ("ben", patient)] {
            let log = folder.url.appendingPathComponent(name)
            try supervisor.start(.init(name: name, arguments: ["-c", script], log: log))
        }
        var said: Set<String> = []
        var ends: [String: (Int32, Bool)] = [:]
        for await report in supervisor.reports {
            switch report {
            case .event(let event): said.insert(event.peer)
            case .exited(let name, let status, let bySignal): ends[name] = (status, bySignal)
            }
            if said.contains("ben"), ends.count == 1 {
                supervisor.send(SIGSTOP, to: "ben")
                supervisor.askToStop()
                // Threads of the tests block SIGTERM, and a child inherits that; SIGKILL nobody can block.
                supervisor.kill()
            }
            if ends.count == 2 { break }
        }
        #expect(supervisor.runningCount == 0)
        #expect(said == ["ada", "ben"])
        #expect(ends["ada"].map { $0 == (3, false) } == true)
        #expect(ends["ben"].map { $0.1 && [SIGTERM, SIGKILL].contains($0.0) } == true)
    }
}
