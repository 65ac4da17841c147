import Foundation
import TestSupport

/// The built command as a process of its own, as a user runs it.
final class MurmurProcess {
    /// How a process ended and what it wrote.
    struct Outcome {
        let status: Int32
        let bySignal: Bool
        let output: String
        let error: String
    }

    /// The executable that the build put beside the tests.
    static let executable: URL = {
        if let path = ProcessInfo.processInfo.environment["MURMUR_BINARY"] { return URL(fileURLWithPath: path) }
        let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let beside = URL(fileURLWithPath: tests ?? "").deletingLastPathComponent().appendingPathComponent("murmur")
        if FileManager.default.isExecutableFile(atPath: beside.path) { return beside }
        return SharedData.projectRoot.appendingPathComponent(".build/release/murmur")
    }()

    private let process = Process()
    private let outputFile: URL
    private let errorFile: URL

    /// Starts `murmur` with `arguments`; output goes to files in `folder`, so that no pipe can fill up.
    init(_ arguments: [String], in folder: String, name: String = "murmur", environment: [String: String] = [:]) throws
    {
        outputFile = URL(fileURLWithPath: folder).appendingPathComponent("\(name).out")
        errorFile = URL(fileURLWithPath: folder).appendingPathComponent("\(name).err")
        try Data().write(to: outputFile)
        try Data().write(to: errorFile)
        process.executableURL = Self.executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        try process.run()
    }

    /// Runs to the end and returns how it was.
    static func run(_ arguments: [String], in folder: String) async throws -> Outcome {
        try await MurmurProcess(arguments, in: folder).wait()
    }

    /// The process's number.
    var identifier: Int32 { process.processIdentifier }

    /// Whether it still runs.
    var isRunning: Bool { process.isRunning }

    /// Sends a signal.
    func send(_ signal: Int32) {
        kill(process.processIdentifier, signal)
    }

    /// Waits for the end, without holding a thread that other tests need.
    func wait() async throws -> Outcome {
        while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        return Outcome(
            status: process.terminationStatus, bySignal: process.terminationReason == .uncaughtSignal,
            output: try String(contentsOf: outputFile, encoding: .utf8),
            error: try String(contentsOf: errorFile, encoding: .utf8))
    }

    /// The processes whose command line names `folder`, with those lines: a swarm's peers.
    static func peers(of folder: String) -> [(identifier: Int32, command: String)] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { entry in
            guard let identifier = Int32(entry),
                let data = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline")
            else { return nil }
            let command = String(decoding: data, as: UTF8.self).replacingOccurrences(of: "\0", with: " ")
            return command.contains(" peer ") && command.contains(folder) ? (identifier, command) : nil
        }
    }
}
