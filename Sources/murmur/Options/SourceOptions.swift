import ArgumentParser
import MurmurKit
import SwarmFile

/// The options with which a command's model and data replace those that the topology file names.
struct SourceOptions: ParsableArguments {
    @Option(help: "The base model instead of the topology's: builtin:fledgling, a directory or a GGUF file.")
    var model: String?

    @Option(help: "The instructions instead of the topology's: \(DataSource.help)")
    var data: [String] = []

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
        SourceChoices(model: model, data: DataSource(options: data), skipsBadRecords: skipBad, dropRate: dropRate)
    }
}

extension DataSource {
    /// What `--data` takes, for its help.
    static let help =
        "builtin:chores, a JSON, JSON Lines, CSV or TSV file, which may be packed (.gz), or a folder; may be given again."

    /// The source that the given options name; nil for none.
    init?(options paths: [String]) {
        guard !paths.isEmpty else { return nil }
        self.init(paths)
    }
}
