import ArgumentParser

/// The options with which a command's model and data replace those that the topology file names.
struct SourceOptions: ParsableArguments {
    @Option(help: "The base model instead of the topology's: builtin:fledgling or a Hugging Face directory.")
    var model: String?

    @Option(help: "The instructions instead of the topology's: builtin:chores, a JSON or a JSON Lines file.")
    var data: String?

    @Option(
        name: .customLong("drop-rate"),
        help: ArgumentHelp("Drop this share of all datagrams, sent and received, for trials.", visibility: .hidden))
    var dropRate: Double = 0

    func validate() throws {
        guard (0..<1).contains(dropRate) else { throw ValidationError("--drop-rate \(dropRate): from 0 up to 1") }
    }

    /// The same options for a peer's process.
    var arguments: [String] {
        var list: [String] = []
        if let model { list += ["--model", model] }
        if let data { list += ["--data", data] }
        if dropRate > 0 { list += ["--drop-rate", "\(dropRate)"] }
        return list
    }
}
