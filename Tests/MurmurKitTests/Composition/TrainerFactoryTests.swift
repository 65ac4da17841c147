import Adapters
import Foundation
import InstructionTuning
import MurmurKit
import Recording
import SwarmFile
import TestSupport
import Testing

@Suite struct TrainerFactoryTests {
    @Test func toysAreDrawnToTheirTargets() async throws {
        let folder = try TemporaryFolder()
        let swarm = try SwarmComposition.load(try SmallTopology.write(in: folder))
        let factory = try TrainerChoice.quadratic.factory(
            for: swarm, own: "peer-0")
        let trainer = try factory.trainer(of: "peer-0")
        let outcome = try await trainer.train(
            TrainingRequest(round: 0, steps: 300, delta: AdapterDelta(zeroOf: factory.schema)))
        let target = try QuadraticTrainers(swarm).target(of: "peer-0")
        for (value, wanted) in zip(outcome.delta.values, target.values) { #expect(abs(value - wanted) < 1e-3) }
        #expect(try QuadraticTrainers(swarm).target(of: "peer-1") != target)
        #expect(factory.adapter(of: target) == nil)
        #expect(try factory.profile(of: "peer-0") == TrainerProfile(sampleCount: trainer.sampleCount))
        #expect(try await factory.losses(of: [target, nil]) == [nil, nil])
        #expect(throws: CommandFailure.self) { try factory.trainer(of: "zoe") }
    }

    @Test func recordingsArePlayedBack() async throws {
        let folder = try TemporaryFolder()
        let schema = AdapterSchema(tensors: [.init(name: "a", rows: 1, columns: 2)])
        var recording = TrainingRecording(
            peer: "peer-0", sampleCount: 3, baseModelDigest: [UInt8](repeating: 4, count: 32), schema: schema)
        let recordings = RecordingFolder(folder.url.path)
        try recordings.begin([recording])
        recording.entries = [
            .init(
                round: 0, start: 1, values: [1, 2], change: [1, 2], loss: 0.5, tokens: 6, records: 2, duration: .zero)
        ]
        recordings.append(TrainingRecording.encoded(recording.entries[0]), of: "peer-0")
        try recordings.close()
        let swarm = try SwarmComposition.load(try SmallTopology.write(in: folder))
        let choice = TrainerChoice(folder.url.path)
        let factory = try choice.factory(for: swarm, own: "peer-0")
        #expect(factory.schema == schema && factory.baseModelDigest == recording.baseModelDigest)
        let outcome = try await factory.trainer(of: "peer-0").train(
            TrainingRequest(round: 0, steps: 1, delta: AdapterDelta(zeroOf: schema)))
        #expect(outcome.delta.values == [1, 2] && outcome.loss == 0.5)
        #expect(throws: RecordingMismatch.self) { try factory.trainer(of: "peer-1") }
        #expect(throws: RecordingMismatch.self) { try RecordedTrainers([]) }
        var other = recording
        other.baseModelDigest[0] = 9
        #expect(throws: RecordingMismatch.self) { try RecordedTrainers([recording, other]) }
    }

    @Test func theBuiltInTrainerTunesTheTopologysModel() async throws {
        let folder = try TemporaryFolder()
        let swarm = try SwarmComposition.load(try SmallTopology.write(in: folder))
        let factory = try TrainerChoice.builtIn.factory(
            for: swarm, own: "peer-0", compute: ComputeChoices(threads: 1))
        let trainer = try factory.trainer(of: "peer-0")
        #expect(trainer.sampleCount > 0 && factory.baseModelDigest.count == 32)
        let profile = try factory.profile(of: "peer-0")
        #expect(profile.sampleCount == trainer.sampleCount && profile.cost > 1)
        let outcome = try await trainer.train(
            TrainingRequest(round: 0, steps: 1, delta: AdapterDelta(zeroOf: factory.schema)))
        #expect(outcome.loss.isFinite && outcome.delta.norm > 0)
        let adapter = try #require(factory.adapter(of: outcome.delta))
        try PEFTDirectory.write(adapter, to: folder.path("adapter"))
        let composition = try ModelComposition(swarm.topology)
        let read = try composition.delta(ofAdapterIn: folder.path("adapter"))
        #expect(read.schema == outcome.delta.schema)
        for (value, wanted) in zip(read.values, outcome.delta.values) { #expect(abs(value - wanted) < 1e-5) }
        #expect(throws: CommandFailure.self) { try factory.trainer(of: "zoe") }
        var other = swarm.topology
        other.model.lora.rank = 3
        let foreign = try ModelComposition(other)
        #expect(throws: (any Error).self) { try foreign.delta(ofAdapterIn: folder.path("adapter")) }
    }

    @Test func dataComeFromWhereTheTopologySays() throws {
        let folder = try TemporaryFolder()
        var topology = try SwarmComposition.load(try SmallTopology.write(in: folder)).topology
        let dealt = try ModelComposition.partition(topology)
        #expect(dealt.peers.map(\.name) == ["peer-0", "peer-1"] && !dealt.heldOut.isEmpty)
        #expect(throws: CommandFailure.self) { try ModelComposition.records("builtin:none", topology) }
        let lines = (0..<20).map { #"{"instruction": "Say \#($0).", "response": "\#($0)"}"# }
        try folder.write(lines.joined(separator: "\n"), to: "own.jsonl")
        topology.peers[0].data = DataSource([folder.path("own.jsonl")])
        let own = try ModelComposition.partition(topology, own: "peer-0")
        #expect(own.peers.map(\.name) == ["peer-0"])
        topology.data.source = nil
        #expect(throws: CommandFailure.self) { try ModelComposition.partition(topology) }
        #expect(try ModelComposition.partition(topology, own: "peer-0").peers.count == 1)
    }
}
