import ArgumentParser
import MurmurKit

/// The options with which a command's model and data replace those that the topology file names.
struct SourceOptions: ParsableArguments {
    @Option(help: "The base model instead of the topology's: builtin:fledgling, a directory or a GGUF file.")
    var model: String?

    @Option(help: "The instructions instead of the topology's: builtin:chores, a JSON or a JSON Lines file.")
    var data: String?

    @Flag(help: "Skip records that cannot be read and go on, instead of refusing the file.")
    var skipBad = false

    @Option(
        name: .customLong("drop-rate"),
        help: ArgumentHelp("Drop this share of the datagrams that a peer sends, for trials.", visibility: .hidden))
    var dropRate: Double = 0

    func validate() throws {
        guard (0..<1).contains(dropRate) else { throw ValidationError("--drop-rate \(dropRate): from 0 up to 1") }
    }

    var choices: SourceChoices {
        SourceChoices(model: model, data: data, skipsBadRecords: skipBad, dropRate: dropRate)
    }
}
