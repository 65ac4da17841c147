import Adapters
import Foundation
import InstructionTuning
import MurmurKit
import Observability
import Recording
import Storage
import TestSupport
import Testing

@Suite struct ArtefactTests {
    static func kind(_ path: String) throws -> String? {
        try Artefact.facts(of: path).first { $0.0 == "kind" }?.1.text
    }

    @Test func everyKindIsKnown() throws {
        let folder = try TemporaryFolder()
        let model = BuiltInModel.fledglingDirectory.path
        #expect(try Self.kind(model) == "base model")
        let composition = try ModelComposition(
            SwarmComposition.load(try SmallTopology.write(in: folder)).topology)
        let adapter = composition.adapter(of: AdapterDelta(zeroOf: composition.workbench.origin.schema))
        try PEFTDirectory.write(adapter, to: folder.path("adapter"))
        #expect(try Self.kind(folder.path("adapter")) == "LoRA adapter (PEFT)")
        let tensors = try Artefact.facts(of: folder.path("adapter/adapter_model.safetensors"))
        #expect(tensors.count == adapter.schema.tensors.count)
        let event = LoggedEvent(time: 1, peer: "ada", event: "left")
        try event.encoded.write(to: folder.url.appendingPathComponent("events.jsonl"))
        #expect(try Self.kind(folder.path("events.jsonl")) == "event log of ada")
        let recording = TrainingRecording(
            peer: "ada", sampleCount: 3, baseModelDigest: [UInt8](repeating: 1, count: 32), schema: adapter.schema)
        try Data(recording.encoded).write(to: folder.url.appendingPathComponent(TrainingRecording.fileName))
        #expect(try Self.kind(folder.path(TrainingRecording.fileName)) == "recording of local steps")
    }

    @Test func whatIsNoneIsRefused() throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "empty.jsonl")
        #expect(throws: CommandFailure.self) { try Artefact.facts(of: folder.path("empty.jsonl")) }
        #expect(throws: CommandFailure.self) { try Artefact.facts(of: folder.path("nowhere")) }
        #expect(throws: CommandFailure.self) { try Artefact.facts(of: folder.url.path) }
        try folder.write("short", to: "checkpoint.bin")
        #expect(throws: (any Error).self) { try Artefact.facts(of: folder.url.path) }
    }
}
