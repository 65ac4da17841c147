import Adapters
import ArgumentParser
import InstructionTuning
import MurmurKit
import SwarmFile

/// The keys of `tuning:` that `murmur tune` takes; ModelOptions and ComputeOptions have the others. Who is alone has no
/// round that steps could be drawn back to.
enum TuningKeys: OptionKeys {
    static let keys = SwarmTopology.Tuning.keys.filter {
        !["template", "cutoff", "precision", "proximal"].contains($0.name)
    }
}

/// The keys of `data:` that commands take which have no topology.
enum FieldKeys: OptionKeys {
    static let keys = SwarmTopology.Data.keys.filter { $0.name == "fields" }
}

/// The keys of `data:` that `murmur tune` takes.
enum TuneDataKeys: OptionKeys {
    static let keys = SwarmTopology.Data.keys.filter { ["fields", "validation"].contains($0.name) }
}

/// The keys of `model.lora:`, all of which `murmur tune` takes.
enum AdapterKeys: OptionKeys {
    static let keys = LoRAConfiguration.keys
}

/// `murmur tune`: one model, one file, no swarm.
struct TuneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "Tune a LoRA adapter of one model on one file of instructions, on this machine alone.",
        discussion: """
            Leaves a PEFT directory. Run again with the same folder, it goes on where it was stopped; a state of another \
            model, other records or other settings is refused by name, unless --restart or --continue-with is given. \
            Stopped before its last step it exits with 5.

            With --validation the adapter is measured on records that are not trained on, and the best one is in best/. \
            --patience ends a run that finds no better one.

            Examples:
              murmur tune --data builtin:chores --steps 100 --out adapter
              murmur tune --model path/to/model --data records.jsonl --steps 500 \\
                  --learning-rate 3e-4 --out adapter
              murmur tune --data records.jsonl --validation 50 --patience 3 --out adapter
              murmur tune --data faq.csv --fields instruction=question,response=answer \\
                  --out adapter
            """)

    @OptionGroup var options: ModelOptions
    @OptionGroup var compute: ComputeOptions
    @Option(help: "The instructions: \(DataSource.help)") var data: [String]
    @OptionGroup(title: "Data, as in a topology file") var fields: SectionOptions<TuneDataKeys>
    @Option(help: "The folder for the adapter.") var out: String
    @Option(help: "What the base model is called on the Hugging Face hub, org/name or org/name@revision.")
    var modelSource: String?
    @Option(help: "How many optimiser steps, instead of --rounds times --local-steps or --local-epochs.") var steps:
        Int?
    @OptionGroup(title: "Tuning, as in a topology file") var tuning: SectionOptions<TuningKeys>
    @OptionGroup(title: "Adapter, as in a topology file") var adapter: SectionOptions<AdapterKeys>
    @Option(help: "The seed.") var seed: UInt64 = 42
    @Option(help: "Write adapter and state, and measure on the validation part, every so many steps.")
    var saveEvery = 50
    @Option(help: "End after so many measurements on the validation part that found no better adapter.")
    var patience: Int?
    @Option(
        help: ArgumentHelp(
            "Who trains: built-in, or a command line that speaks the protocol of docs/trainers.md.",
            valueName: "built-in|command"))
    var trainer = "built-in"
    @OptionGroup var resume: ResumeOptions
    @Flag(help: ArgumentHelp("The same as --restart.", visibility: .hidden)) var fresh = false
    @Flag(help: "Print a JSON line every ten steps.") var json = false

    func validate() throws {
        guard !data.isEmpty else { throw ValidationError("--data: name the instructions") }
        guard modelSource.map({ ModelSource($0) != nil }) ?? true else {
            throw ValidationError("--model-source: org/name or org/name@revision is expected")
        }
        guard (1...1_000_000).contains(steps ?? 1) else { throw ValidationError("--steps is from 1 to 1000000") }
        guard (1...1_000_000).contains(patience ?? 1) else { throw ValidationError("--patience is from 1 to 1000000") }
        guard try patience == nil || fields.applied(to: .defaults).validation > 0 else {
            throw ValidationError("--patience goes by the validation part: give --validation, too")
        }
        guard saveEvery > 0 else { throw ValidationError("--save-every is 1 or more") }
    }

    func run() async throws {
        let source = DataSource(data)
        var topology = options.topology(lora: try adapter.applied(to: .defaults), data: source, seed: seed)
        topology.model.source = modelSource.flatMap(ModelSource.init)
        topology.data = try fields.applied(to: topology.data)
        topology.tuning = try tuning.applied(to: topology.tuning)
        if let steps {
            (topology.tuning.localSteps, topology.tuning.localEpochs, topology.tuning.rounds) = (1, nil, steps)
        }
        compute.choices.apply(to: &topology)
        let records = try ModelComposition.records(source, topology, onBadRecord: options.badRecords)
        let run = try TuneRun(
            topology, records: records, compute: compute.choices, folder: out,
            saveEvery: saveEvery, patience: patience, resumption: fresh ? .restart : resume.choice,
            trainer: trainer == "built-in" ? .builtIn : .command(.init(shell: trainer)), json: json)
        let status = try await run.run()
        if status != .success { throw status }
    }
}
