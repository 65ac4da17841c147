import InstructionTuning
import LanguageModel
import LinearAlgebra
import MurmurKit
import SwarmFile
import Testing

@Suite struct ChoicesTests {
    @Test func weightsHaveTheEnginesWords() {
        #expect(WeightChoice.auto.storage == nil)
        for choice in WeightChoice.allCases where choice != .auto {
            #expect(choice.storage?.rawValue == choice.rawValue)
        }
    }

    @Test func aPeersProcessIsToldTheSame() {
        var choices = ComputeChoices(precision: .bf16, weights: .int8, memory: .low)
        choices.threads = 3
        #expect(
            choices.arguments(peers: 8)
                == ["--weights", "int8", "--memory", "low", "--precision", "bf16", "--threads", "3"])
        let usual = ComputeChoices()
        #expect(usual.threadCount >= 1)
        #expect(usual.arguments(peers: 1_000) == ["--weights", "auto", "--memory", "usual", "--threads", "1"])
        let sources = SourceChoices(model: "m", data: "d", skipsBadRecords: true, dropRate: 0.25)
        #expect(sources.arguments == ["--model", "m", "--data", "d", "--skip-bad", "--drop-rate", "0.25"])
        #expect(sources.badRecords == .skip)
        #expect(SourceChoices().arguments.isEmpty && SourceChoices().badRecords == .refuse)
    }

    @Test(arguments: zip(SwarmTopology.Tuning.Precision.allCases, [ProductPrecision.float32, .bfloat16, .fastest]))
    func precisionComesFromTheTopologyOrTheCommand(word: SwarmTopology.Tuning.Precision, precision: ProductPrecision) {
        var topology = SwarmTopology(
            swarm: .init(name: "s"), model: .init(base: "b"), tuning: .init(), data: .init(), exchange: .init(),
            graph: .init(kind: .complete), peers: [])
        ComputeChoices().apply(to: &topology)
        #expect(topology.tuning.precision == .fp32)
        let choices = ComputeChoices(precision: word, memory: .low)
        choices.apply(to: &topology)
        #expect(topology.tuning.precision == word)
        let options = choices.engine(topology.tuning)
        #expect(options.precision == precision && options.savesMemory)
    }

    @Test(arguments: ["lora", "quadratic", "runs/one"]) func trainersHaveWords(word: String) {
        #expect(TrainerChoice(word).word == word)
    }
}
