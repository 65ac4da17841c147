import ArgumentParser
import MurmurKit

/// The options of `murmur compare` that make it a grid of short runs in one process.
struct GridOptions: ParsableArguments {
    @Option(
        name: .customLong("grid"),
        help: ArgumentHelp(
            """
            A key of the topology file, or network.loss or network.faults, and the values that it has by turns; give it \
            several times. tuning.learning-rate is swept for each arm.
            """, valueName: "key=a,b,c"))
    var axes: [String] = []
    @Option(help: "How many seeds, from the topology's on. With --grid 1 unless given.") var seeds: Int?
    @Option(help: "With how many of the seeds learning rates are chosen; all unless given.") var sweepSeeds: Int?
    @Option(help: "How many runs at once; one for each core unless given.") var jobs: Int?
    @Option(
        help:
            "Records of each category that rates are chosen by and nobody trains on; as many as are held out unless given."
    )
    var validation: Int?
    @Flag(help: "Print the table in Markdown.") var markdown = false
    @Flag(help: "Run everything again, instead of going on from the finished runs in DIR.") var fresh = false

    /// Whether a grid is asked for.
    var isAsked: Bool { !axes.isEmpty || seeds != nil }

    func validate() throws {
        if let seeds, !(1...1000).contains(seeds) { throw ValidationError("--seeds \(seeds): from 1 to 1000") }
        if let sweepSeeds, !(1...(seeds ?? 1)).contains(sweepSeeds) {
            throw ValidationError("--sweep-seeds \(sweepSeeds): from 1 to --seeds, \(seeds ?? 1)")
        }
        if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs \(jobs): from 1 to 1024") }
        if let validation, !(0...1_000_000).contains(validation) {
            throw ValidationError("--validation \(validation): from 0 to 1000000")
        }
        if !isAsked, jobs != nil || sweepSeeds != nil || validation != nil || markdown || fresh {
            throw ValidationError(
                "--jobs, --sweep-seeds, --validation, --markdown and --fresh are for a comparison with --grid or --seeds"
            )
        }
        do {
            _ = try GridAxis.all(axes)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    /// What the options ask for.
    var choices: GridComparison.Choices {
        var choices = GridComparison.Choices()
        choices.grid = axes
        choices.seeds = seeds ?? 1
        choices.sweepSeeds = sweepSeeds
        choices.jobs = jobs
        choices.measure.validation = validation
        choices.fresh = fresh
        return choices
    }
}
