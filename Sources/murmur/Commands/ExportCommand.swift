import ArgumentParser
import MurmurKit

/// `murmur export`: the adapter of a state.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the adapter that a peer's newest checkpoint holds as a PEFT directory.",
        discussion: """
            For runs that were stopped, or whose adapter could not be written. The topology is the copy that the peer \
            keeps beside its checkpoints.

            Example:
              murmur export run/alice/state --out alice-so-far
            """)

    @Argument(help: "A peer's folder, or the state folder in it.") var state: String
    @Option(help: "The folder for the adapter.") var out: String
    @Option(help: "The topology file, if not the copy in the state folder.") var topology: String?
    @Option(help: "The base model instead of the topology's.") var model: String?

    func run() async throws {
        let export = try CheckpointExport(
            state: state, topologyPath: topology, sources: SourceChoices(model: model))
        Terminal.print(try export.write(to: out))
    }
}
