import ArgumentParser
import MurmurKit

/// The command `murmur`.
@main
struct Murmur: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "murmur",
        abstract: "Federated instruction tuning of language models without a server.",
        discussion: """
            Peers tune LoRA adapters on instructions that stay where they are, and gossip signed, encrypted adapter \
            deltas over UDP with their neighbours.

            Try it on this machine:
              murmur swarm topologies/demo.yaml --out demo-run
              murmur compare topologies/demo.yaml --out demo-run
            """,
        version: Release.version,
        subcommands: [
            IdentityCommand.self, TopologyCommand.self, DataCommand.self, TuneCommand.self, PeerCommand.self,
            DoctorCommand.self, SwarmCommand.self, SimulateCommand.self, ChaosCommand.self, CompareCommand.self,
            EvaluateCommand.self, JudgeCommand.self, GenerateCommand.self, ChatCommand.self, ServeCommand.self,
            MergeCommand.self, ExportCommand.self, InspectCommand.self, WatchCommand.self,
        ]
    )

    static func main() async {
        ProcessLimits.requireAddressSpace()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(after: error)
        }
    }

    /// Ends the process as `error` asks for: the one place that makes exit codes of errors.
    private static func end(after error: any Error) -> Never {
        switch exitCode(for: error) {
        case .validationFailure:
            // The library's code for a usage error is 64 (EX_USAGE).
            Terminal.note(fullMessage(for: error))
            exit(withError: ExitCode(ExitStatus.usage.rawValue))
        case .success:
            // Help and version.
            exit(withError: error)
        default:
            if let message = ExitStatus.message(for: error) { Terminal.note(message) }
            exit(withError: ExitCode(ExitStatus(of: error).rawValue))
        }
    }
}
