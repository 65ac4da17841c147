import Foundation
package import InstructionTuning
package import LanguageModel
package import LinearAlgebra
package import SwarmFile

/// How the base model's weights are kept.
package enum WeightChoice: String, Sendable, CaseIterable {
    /// As in the model's file where that is bf16 or blocks of two to eight bits, else fp32.
    case auto
    case fp32, bf16, int8

    /// The engine's word for it; nil for as the file has them.
    package var storage: WeightStorage? { WeightStorage(rawValue: rawValue) }
}

/// How much memory a trainer spends on what the backward pass needs again.
package enum MemoryChoice: String, Sendable, CaseIterable {
    case usual
    /// Layers keep their input only and compute the rest again.
    case low
}

/// How a command computes.
package struct ComputeChoices: Sendable, Hashable {
    /// What the large products are computed in, instead of the topology's choice.
    package var precision: SwarmTopology.Tuning.Precision?
    package var weights: WeightChoice
    package var memory: MemoryChoice
    /// Threads that share one peer's work; nil for all processors.
    package var threads: Int?

    package init(
        precision: SwarmTopology.Tuning.Precision? = nil, weights: WeightChoice = .auto, memory: MemoryChoice = .usual,
        threads: Int? = nil
    ) {
        self.precision = precision
        self.weights = weights
        self.memory = memory
        self.threads = threads
    }

    /// The threads of one peer.
    package var threadCount: Int { threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount) }

    /// Puts these choices in place of those of a topology.
    package func apply(to topology: inout SwarmTopology) {
        if let precision { topology.tuning.precision = precision }
    }

    /// The engine's options for a topology's peers; threads are chosen where it is known who shares the machine.
    package func engine(_ tuning: SwarmTopology.Tuning) -> EngineOptions {
        let precision: ProductPrecision =
            switch tuning.precision {
            case .fp32: .float32
            case .bf16: .bfloat16
            case .auto: .fastest
            }
        return EngineOptions(precision: precision, savesMemory: memory == .low)
    }

    /// The same choices for a peer's process, one of `peers` on this machine.
    package func arguments(peers: Int) -> [String] {
        var list = ["--weights", weights.rawValue, "--memory", memory.rawValue]
        if let precision { list += ["--precision", precision.rawValue] }
        return list + ["--threads", "\(threads ?? max(1, threadCount / max(1, peers)))"]
    }
}

/// The model and data that replace those of a topology, and how data are read and datagrams sent.
package struct SourceChoices: Sendable, Hashable {
    /// The base model; nil for the topology's.
    package var model: String?
    /// The instructions; nil for the topology's.
    package var data: DataSource?
    /// Whether records that cannot be read are skipped; else they refuse the file.
    package var skipsBadRecords: Bool
    /// The share of the datagrams that a peer drops instead of sending them: for trials.
    package var dropRate: Double

    package init(model: String? = nil, data: DataSource? = nil, skipsBadRecords: Bool = false, dropRate: Double = 0) {
        self.model = model
        self.data = data
        self.skipsBadRecords = skipsBadRecords
        self.dropRate = dropRate
    }

    /// What happens to records that cannot be read.
    package var badRecords: BadRecordPolicy { skipsBadRecords ? .skip : .refuse }

    /// The same choices for a peer's process.
    package var arguments: [String] {
        var list: [String] = []
        if let model { list += ["--model", model] }
        for path in data?.paths ?? [] { list += ["--data", path] }
        if skipsBadRecords { list.append("--skip-bad") }
        if dropRate > 0 { list += ["--drop-rate", "\(dropRate)"] }
        return list
    }
}
