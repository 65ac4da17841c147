import Foundation
package import Storage

/// The folders that commands write into. A command takes one that is new or empty, or that it made itself; anything else
/// is somebody's, and is left alone.
package enum OutputFolder: Sendable, Hashable, CaseIterable {
    /// An adapter and the state of its tuning.
    case tune
    /// A merged model.
    case merge
    /// A swarm's run.
    case run
    /// What one peer leaves.
    case peer
    /// Instructions as they are dealt out.
    case split
    /// The topology files of a relay.
    case chaos
    /// The report of a simulation.
    case simulation
    /// What trainers returned, for playing back.
    case recording
    /// The runs of a grid of comparisons.
    case grid
    /// A judge's replies.
    case judging

    /// The command that makes such a folder.
    package var command: String {
        switch self {
        case .tune: "murmur tune"
        case .merge: "murmur merge"
        case .run: "murmur swarm"
        case .peer: "murmur peer"
        case .split: "murmur data split"
        case .chaos: "murmur chaos"
        case .simulation: "murmur simulate"
        case .recording: "murmur simulate --record"
        case .grid: "murmur compare --grid"
        case .judging: "murmur judge score"
        }
    }

    /// Takes the folder at `path`, which is made where it is missing, until the result is let go.
    ///
    /// - Parameter user: the command that takes it, where that is another than the one that makes such folders.
    /// - Throws: `CommandFailure` for a folder that is none of this command's, that cannot be made, or that another process
    ///   has.
    package func claim(_ path: String, user: String? = nil) throws -> FolderLock {
        try check(path)
        do {
            try AtomicFile.createFolder(path)
        } catch {
            throw CommandFailure("cannot make the folder: \(error)")
        }
        let holder = FolderLock.Holder(
            maker: command, user: user ?? command, process: Int(ProcessInfo.processInfo.processIdentifier),
            host: ProcessInfo.processInfo.hostName, since: Date.now.formatted(.iso8601))
        do {
            let lock = try Self.lock(path, for: holder)
            if !lock.isExclusive {
                Terminal.note(
                    "murmur: the file system of \(path) knows no locks; let no second process write there meanwhile")
            }
            return lock
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    /// Locks the folder. Somebody who only asks whether it is free has it for a moment, which is waited for.
    private static func lock(_ path: String, for holder: FolderLock.Holder) throws -> FolderLock {
        for _ in 0..<8 {
            do { return try FolderLock(folder: path, for: holder) } catch is FolderLockError { usleep(5_000) }
        }
        return try FolderLock(folder: path, for: holder)
    }

    /// As `claim(_:user:)`, which is tried again for `patience` while another process has the folder: one that is about to
    /// leave it, such as a peer whose supervisor was killed.
    package func claim(_ path: String, patience: Duration) async throws -> FolderLock {
        let end = ContinuousClock.now + patience
        while FolderLock.isHeld(path), ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(100)) }
        return try claim(path)
    }

    /// Refuses a folder that is not empty and was not made by this command.
    package func check(_ path: String) throws {
        let content = Self.content(of: path)
        guard !content.isEmpty, !isOwn(path, content) else { return }
        let shown = content.prefix(3).joined(separator: ", ") + (content.count > 3 ? " and more" : "")
        let maker = FolderLock.maker(of: path).map { "it was made by `\($0)`" } ?? "it holds \(shown)"
        throw CommandFailure(
            "\(path) is not empty, and `\(command)` did not make it (\(maker)): nothing is written there; name a new or an "
                + "empty folder")
    }

    /// Whether two paths lead to one place, by whatever links.
    package static func isSame(_ one: String, _ other: String) -> Bool {
        func resolved(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
        return resolved(one) == resolved(other)
    }

    /// Whether this command made the folder at `path`.
    package func isOwn(_ path: String) -> Bool { isOwn(path, Self.content(of: path)) }

    private func isOwn(_ path: String, _ content: [String]) -> Bool {
        if let maker = FolderLock.maker(of: path) { return maker == command }
        return hasSigns(path, content)
    }

    /// The names in a folder, but for those of files that a crash may have left on their way and of the lock.
    private static func content(of path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
            .filter { $0 != FolderLock.fileName && !($0.hasPrefix(".") && $0.hasSuffix(".partial")) }.sorted()
    }

    /// Whether a folder without a word of who made it has the files that this command leaves: before 0.3.0 it left no word.
    private func hasSigns(_ path: String, _ content: [String]) -> Bool {
        func begins(_ name: String, with text: String) -> Bool {
            guard let file = try? ReadableFile(path: "\(path)/\(name)"), file.size >= text.utf8.count,
                let head = try? file.bytes(0..<text.utf8.count)
            else { return false }
            return head == Array(text.utf8)
        }
        let names = Set(content)
        return switch self {
        case .tune: names.contains("state.bin")
        case .merge: false
        case .run: begins("topology.yaml", with: "# Made by `murmur swarm`")
        case .peer: !names.isDisjoint(with: ["state", "events.jsonl", "identity"])
        case .split: names.contains("held-out.jsonl")
        case .chaos: false
        case .simulation: names.contains("simulation.json")
        case .grid, .judging: false
        case .recording:
            content.contains { FileManager.default.fileExists(atPath: "\(path)/\($0)/training.recording") }
        }
    }
}
