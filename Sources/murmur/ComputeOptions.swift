import ArgumentParser
import Foundation
import LanguageModel
import LinearAlgebra
import SwarmFile

/// The options that say how a command computes.
struct ComputeOptions: ParsableArguments {
    @Option(
        help: """
            What the large products of tuning are computed in, instead of the topology's choice: fp32, bf16, or auto \
            (bf16 where the processor has instructions for it).
            """)
    var precision: String?

    @Option(help: "How the base model is kept: auto (as in its file, if bf16, else fp32), fp32, bf16 or int8.")
    var weights = "auto"

    @Option(help: "usual, or low: layers keep their input only and compute the rest again.")
    var memory = "usual"

    @Option(help: "How many threads share one peer's work; all processors unless given.")
    var threads: Int?

    func validate() throws {
        if let precision, SwarmTopology.Tuning.Precision(rawValue: precision) == nil {
            throw ValidationError("--precision \(precision): known are fp32, bf16, auto")
        }
        guard weights == "auto" || WeightStorage(rawValue: weights) != nil else {
            throw ValidationError("--weights \(weights): known are auto, fp32, bf16, int8")
        }
        guard ["usual", "low"].contains(memory) else {
            throw ValidationError("--memory \(memory): known are usual, low")
        }
        guard (1...1024).contains(threadCount) else { throw ValidationError("--threads: from 1 to 1024") }
    }

    /// The threads of one peer.
    var threadCount: Int { threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount) }

    /// How weights are kept; nil for the smallest form that is exact.
    var storage: WeightStorage? { WeightStorage(rawValue: weights) }

    /// Puts these choices in place of those of a topology.
    func apply(to topology: inout SwarmTopology) {
        guard let choice = precision.flatMap(SwarmTopology.Tuning.Precision.init(rawValue:)) else { return }
        topology.tuning.precision = choice
    }

    /// The engine's options for a topology's peers; threads are chosen where it is known who shares the machine.
    func engine(_ tuning: SwarmTopology.Tuning) -> EngineOptions {
        let precision: ProductPrecision =
            switch tuning.precision {
            case .fp32: .float32
            case .bf16: .bfloat16
            case .auto: .fastest
            }
        return EngineOptions(precision: precision, savesMemory: memory == "low")
    }

    /// Parsed without arguments: the defaults.
    static var usual: ComputeOptions { ComputeOptions.parseOrExit([]) }

    /// The same choices for a peer's process, one of `peers` on this machine.
    func arguments(peers: Int) -> [String] {
        var list = ["--weights", weights, "--memory", memory]
        if let precision { list += ["--precision", precision] }
        return list + ["--threads", "\(threads ?? max(1, threadCount / max(1, peers)))"]
    }
}
