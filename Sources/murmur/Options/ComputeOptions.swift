import ArgumentParser
import MurmurKit
import SwarmFile

extension WeightChoice: ExpressibleByArgument {}
extension MemoryChoice: ExpressibleByArgument {}
extension SwarmTopology.Tuning.Precision: ExpressibleByArgument {}

/// The options that say how a command computes.
struct ComputeOptions: ParsableArguments {
    @Option(
        help: """
            What the large products of tuning are computed in, instead of the topology's choice: fp32, bf16, or auto \
            (bf16 where the processor has instructions for it).
            """)
    var precision: SwarmTopology.Tuning.Precision?

    @Option(
        help: """
            How the base model is kept: auto (as in its file, if that is bf16 or a GGUF file's blocks, else fp32), fp32, \
            bf16 or int8.
            """)
    var weights = WeightChoice.auto

    @Option(help: "usual, or low: layers keep their input only and compute the rest again.")
    var memory = MemoryChoice.usual

    @Option(help: "How many threads share one peer's work; all processors unless given.")
    var threads: Int?

    func validate() throws {
        guard (1...1024).contains(choices.threadCount) else { throw ValidationError("--threads: from 1 to 1024") }
    }

    var choices: ComputeChoices {
        ComputeChoices(precision: precision, weights: weights, memory: memory, threads: threads)
    }
}
