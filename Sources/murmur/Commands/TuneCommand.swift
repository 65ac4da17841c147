import Adapters
import ArgumentParser
import InstructionTuning
import MurmurKit
import SwarmFile

/// `murmur tune`: one model, one file, no swarm.
struct TuneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "Tune a LoRA adapter of one model on one file of instructions, on this machine alone.",
        discussion: """
            Leaves a PEFT directory. Run again with the same folder, it goes on where it was stopped.

            Examples:
              murmur tune --data builtin:chores --steps 100 --out adapter
              murmur tune --model path/to/model --data records.jsonl --steps 500 --learning-rate 3e-4 --out adapter
            """)

    @OptionGroup var options: ModelOptions
    @OptionGroup var compute: ComputeOptions
    @Option(help: "The instructions: builtin:chores, a JSON or a JSON Lines file.") var data: String
    @Option(help: "The folder for the adapter.") var out: String
    @Option(help: "How many optimiser steps.") var steps = 200
    @Option(help: "Records a step.") var batch = 16
    @Option(help: "Batches a step, whose gradients are taken together.") var accumulation = 1
    @Option(help: "AdamW's learning rate.") var learningRate = 3e-4
    @Option(help: "Steps over which the learning rate rises.") var warmup = 0
    @Option(help: "constant, linear or cosine.") var schedule = "constant"
    @Option(help: "AdamW's decoupled weight decay.") var weightDecay = 0.0
    @Option(help: "The greatest norm of a step's gradient; 0 for no limit.") var clipNorm = 1.0
    @Option(help: "The adapter's rank.") var rank = 8
    @Option(help: "The adapter's alpha.") var alpha = 16.0
    @Option(help: "The adapter's dropout.") var dropout = 0.05
    @Flag(help: "Scale the adapter by alpha / √rank instead of alpha / rank.") var rankStabilised = false
    @Option(help: "The projections that carry an adapter, with commas between, or all-linear.")
    var targets = "q_proj,k_proj,v_proj,o_proj"
    @Flag(help: "Let the prompt's tokens carry loss too.") var trainOnInputs = false
    @Option(help: "The seed.") var seed: UInt64 = 42
    @Option(help: "Write adapter and state every so many steps.") var saveEvery = 50
    @Flag(help: "Begin anew, whatever the folder holds.") var fresh = false
    @Flag(help: "Print a JSON line every ten steps.") var json = false

    func validate() throws {
        guard steps > 0, batch > 0, accumulation > 0, saveEvery > 0 else {
            throw ValidationError("--steps, --batch, --accumulation and --save-every are 1 or more")
        }
        guard (0...1).contains(weightDecay), clipNorm >= 0, clipNorm.isFinite else {
            throw ValidationError("--weight-decay is from 0 to 1, --clip-norm 0 or more")
        }
        guard rank > 0, rank <= 1024, alpha > 0, (0..<1).contains(dropout) else {
            throw ValidationError("--rank is from 1 to 1024, --alpha above 0, --dropout from 0 up to 1")
        }
        guard SwarmTopology.Tuning.Schedule(rawValue: schedule) != nil else {
            throw ValidationError("--schedule \(schedule): known are constant, linear, cosine")
        }
        do { _ = try lora() } catch { throw ValidationError("\(error)") }
    }

    private func lora() throws -> LoRAConfiguration {
        var lora = LoRAConfiguration(rank: rank, alpha: alpha, dropout: dropout, targets: [])
        lora.isRankStabilised = rankStabilised
        for key in LoRAConfiguration.keys where key.name == "targets" { try key.read(argument: targets, into: &lora) }
        return lora
    }

    func run() async throws {
        var topology = options.topology(lora: try lora(), data: data, seed: seed)
        topology.tuning.accumulation = accumulation
        topology.tuning.weightDecay = weightDecay
        topology.tuning.clipNorm = clipNorm
        topology.tuning.batch = batch
        topology.tuning.learningRate = learningRate
        topology.tuning.warmup = warmup
        topology.tuning.schedule = SwarmTopology.Tuning.Schedule(rawValue: schedule) ?? .constant
        topology.tuning.trainOnInputs = trainOnInputs
        topology.tuning.localSteps = 1
        topology.tuning.rounds = steps
        compute.choices.apply(to: &topology)
        let records = try ModelComposition.records(data, topology, onBadRecord: options.badRecords)
        let run = try TuneRun(
            topology, records: records, compute: compute.choices, folder: out, steps: steps, saveEvery: saveEvery,
            startsAnew: fresh, json: json)
        try await run.run()
    }
}
