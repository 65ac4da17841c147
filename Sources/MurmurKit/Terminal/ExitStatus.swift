/// How a command ends: the exit codes that scripts may rely on. `--help` and docs/operating.md have the same list.
package enum ExitStatus: Int32, Sendable, CaseIterable, Error, Encodable {
    /// What was asked for is done; a run of a swarm: with everybody, or with as many as were asked for.
    case success = 0
    /// It could not be done; a line on standard error says why.
    case failure = 1
    /// The command line is wrong.
    case usage = 2
    /// The run is done, and some of the peers had no part in it, or none in its end; a judging: some requests have no reply.
    case partial = 3
    /// The run is done, and nobody else's contribution was ever mixed.
    case alone = 4
    /// It was asked to stop before the end; the same command goes on from there.
    case stopped = 5
    /// What the run came to, or what it would go on from, is not on the disk.
    case unwritten = 6
    /// Others have another topology file: their contributions were refused.
    case unequal = 7
    /// The run is done with everybody, and falls short: no agreement within the bound, or local steps that failed; a
    /// judging: too many verdicts are malformed.
    case short = 8
    /// It was interrupted before it could leave anything to go on from.
    case interrupted = 130

    /// The status that `error` ends a command with. A thrown status is itself; what is none of ours is a failure.
    package init(of error: any Error) {
        self =
            switch error {
            case let status as ExitStatus: status
            case is CancellationError: .interrupted
            default: .failure
            }
    }

    /// What a person is told of `error`: one line, or nil for a status, whose reason has been told.
    package static func message(for error: any Error) -> String? {
        switch error {
        case is ExitStatus: nil
        case is CancellationError: "murmur: stopped"
        default: "murmur: \(error)"
        }
    }

    /// What the code says, in a few words.
    package var meaning: String {
        switch self {
        case .success: "done, with everybody (or with the quorum that was asked for)"
        case .failure: "failed; a line on standard error says why and what to do"
        case .usage: "called wrongly"
        case .partial: "done without some peers; the last lines name them"
        case .alone: "done alone: nobody else's contribution was ever mixed"
        case .stopped: "stopped before the end; the same command goes on from the checkpoint"
        case .unwritten: "the adapter, the checkpoint or the ledger is not whole on the disk"
        case .unequal: "others have another topology file; section and key are named"
        case .short: "done with everybody, but without agreement, or with local steps that failed"
        case .interrupted: "interrupted before there was anything to go on from"
        }
    }

    /// The list of codes for a command's help.
    package static func list(_ codes: [ExitStatus] = ExitStatus.allCases) -> String {
        codes.map { "\($0.rawValue): \($0.meaning)" }.joined(separator: ". ") + "."
    }

    /// From the best to the worst: what a swarm's end is worth where its peers' differ.
    private static let ranks: [ExitStatus] = [
        .success, .stopped, .short, .partial, .alone, .unequal, .interrupted, .unwritten, .usage, .failure,
    ]

    /// The worst of `statuses`; success where there are none.
    package static func worst(_ statuses: some Sequence<ExitStatus>) -> ExitStatus {
        let worst = statuses.compactMap { ranks.firstIndex(of: $0) }.max() ?? 0
        return ranks[worst]
    }
}

/// A failure that the user is told in one line: what went wrong and what to do.
package struct CommandFailure: Error, CustomStringConvertible {
    /// The line.
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
