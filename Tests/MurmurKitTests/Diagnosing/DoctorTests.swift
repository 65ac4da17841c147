import Basics
import Federation
import Foundation
import MurmurKit
import Observability
import SwarmFile
import Synchronization
import TestSupport
import Testing

/// A doctor among real peers over loopback UDP, with the toy trainer.
@Suite(.serialized) struct DoctorTests {
    /// A swarm of two whose rounds do not end while a test runs.
    struct Pair {
        let run: RunFolder
        let collector = PeerRunTests.Collector()

        init(in folder: borrowing TemporaryFolder, firstPort: Int) throws {
            run = try RunFolder.prepare(
                folder.path("run"),
                topologyPath: try SmallTopology.write(in: folder, firstPort: firstPort, rounds: 900_000), fresh: false)
        }

        /// A running peer; cancelled, it ends.
        func peer(_ name: String) -> Task<Void, Never> {
            var peer = PeerRun(
                swarm: SwarmComposition(run.topology), name: name, identityPath: run.identity(of: name).path,
                folder: run.peer(name))
            peer.trainer = .quadratic
            peer.output = nil
            peer.sinks = [collector]
            return Task { [peer] in _ = try? await peer.run() }
        }

        /// What a doctor for `name` finds who has `topology`.
        func diagnosis(
            _ name: String, of topology: SwarmTopology? = nil, patience: Duration = .seconds(8),
            _ change: (inout Doctor.Choices) -> Void = { _ in }
        ) async throws -> Diagnosis {
            let topology = topology ?? run.topology
            var choices = Doctor.Choices()
            choices.patience = patience
            change(&choices)
            // The toy has no base model.
            let settings = SettingsFingerprint(topology, baseModelDigest: [UInt8](repeating: 0, count: 32))
            return try await Doctor(
                SwarmComposition(topology), name: name, identityPath: run.identity(of: name).path,
                settings: .success(settings), choices: choices
            ).run()
        }

        func count(_ event: String) -> Int { collector.events.withLock { $0.count { $0.event == event } } }

        /// Waits until `event` was told so often.
        func wait(for event: String, times: Int) async -> Bool {
            for _ in 0..<1000 {
                if count(event) >= times { return true }
                try? await Task.sleep(for: .milliseconds(10))
            }
            return false
        }
    }

    @Test(.timeLimit(.minutes(1))) func aRunningNeighbourIsReachedAndCompared() async throws {
        let folder = try TemporaryFolder()
        let pair = try Pair(in: folder, firstPort: 24_740)
        let other = pair.peer("peer-1")
        defer { other.cancel() }
        try #require(await pair.wait(for: "started", times: 1))
        let same = try await pair.diagnosis("peer-0")
        #expect(same.status == .success, "\(same)")
        let neighbour = try #require(same.neighbours.first)
        #expect(neighbour.name == "peer-1" && neighbour.isReached && neighbour.hasSameSettings == true)
        #expect(neighbour.datagramByteCount == 8952, "loopback takes the longest")
        // Wide: beside hundreds of tests an answer takes seconds. One machine has one clock.
        #expect(try #require(neighbour.roundTrip) < 30)
        #expect(abs(try #require(neighbour.clockAhead)) < 30, "\(neighbour)")
        #expect(same.lines.last == "Everybody was reached and has the same settings.")
        #expect(pair.count("settings_differ") == 0)

        var changed = pair.run.topology
        changed.tuning.learningRate = 1e-4
        let differs = try await pair.diagnosis("peer-0", of: changed)
        #expect(differs.status == .unequal, "\(differs)")
        #expect(differs.neighbours[0].difference?.contains("tuning.learning-rate: here 1e-4, there 5e-3") == true)
        #expect(pair.count("settings_differ") == 1, "the other side is told, too")

        // Handshakes alone are not noticed.
        let sessions = pair.count("connected")
        let quiet = try await pair.diagnosis("peer-0", of: changed) { $0.handshakesOnly = true }
        #expect(quiet.status == .success && quiet.neighbours[0].isReached && quiet.neighbours[0].hasSameSettings == nil)
        #expect(pair.count("connected") == sessions)
    }

    /// The peer's own address is taken by the peer: its sessions stay as they are.
    @Test(.timeLimit(.minutes(1))) func besideTheRunningPeerNothingIsDisturbed() async throws {
        let folder = try TemporaryFolder()
        let pair = try Pair(in: folder, firstPort: 24_750)
        let peers = [pair.peer("peer-0"), pair.peer("peer-1")]
        defer { for peer in peers { peer.cancel() } }
        try #require(await pair.wait(for: "mixed", times: 20))
        let diagnosis = try await pair.diagnosis("peer-0")
        #expect(diagnosis.status == .success && diagnosis.isBesidePeer && !diagnosis.hasSessions, "\(diagnosis)")
        #expect(diagnosis.neighbours.allSatisfy { $0.isReached && $0.roundTrip != nil })
        #expect(!diagnosis.listening.hasSuffix(":24750"))
        #expect(diagnosis.lines[1].contains("taken"))
        let rounds = pair.count("mixed")
        #expect(await pair.wait(for: "mixed", times: rounds + 100), "they go on")
        #expect(pair.count("disconnected") == 0 && pair.count("connected") == 2)
    }

    @Test(.timeLimit(.minutes(1))) func nobodyAnswers() async throws {
        let folder = try TemporaryFolder()
        let pair = try Pair(in: folder, firstPort: 24_760)
        let diagnosis = try await pair.diagnosis("peer-1", patience: .milliseconds(700))
        #expect(diagnosis.status == .alone)
        #expect(diagnosis.neighbours.map(\.isReached) == [false])
        #expect(diagnosis.lines.contains { $0.hasPrefix("No answer of peer-0: not running") }, "\(diagnosis.lines)")
        let json = try JSONText.of(diagnosis)
        #expect(json.contains("\"exit\" : 4") && json.contains("\"reached\" : false"), "\(json)")
        // Where a name leads nowhere, that is what is wrong.
        var named = pair.run.topology
        named.peers[0].place = PeerAddress("nobody.invalid:9100")
        let lost = try await pair.diagnosis("peer-1", of: named, patience: .milliseconds(300))
        #expect(lost.neighbours[0].problem?.contains("nobody.invalid") == true && lost.status == .alone)
    }

    /// Before anything runs, two doctors find each other; another swarm's secret is no way in.
    @Test(.timeLimit(.minutes(1))) func twoDoctorsFindEachOther() async throws {
        let folder = try TemporaryFolder()
        let pair = try Pair(in: folder, firstPort: 24_770)
        async let one = pair.diagnosis("peer-0")
        async let other = pair.diagnosis("peer-1")
        for diagnosis in try await [one, other] {
            #expect(diagnosis.status == .success && diagnosis.neighbours[0].hasSameSettings == true, "\(diagnosis)")
        }
        var foreign = pair.run.topology
        foreign.swarm.seed = 8
        async let here = pair.diagnosis("peer-0", patience: .seconds(2))
        async let there = pair.diagnosis("peer-1", of: foreign, patience: .seconds(2))
        for diagnosis in try await [here, there] {
            #expect(diagnosis.status == .alone && diagnosis.strangers > 0, "\(diagnosis)")
            #expect(diagnosis.lines.contains { $0.contains("fit neither key, secret nor swarm") })
        }
    }
}
