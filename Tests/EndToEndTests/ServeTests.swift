import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `murmur serve` and `murmur chat` with real processes.
    @Suite struct ServeTests {
        /// A Python with OpenAI's own client; nil where there is none.
        private static let python: String? = {
            let candidates = [ProcessInfo.processInfo.environment["MURMUR_PYTHON"], "/usr/bin/python3"]
            return candidates.compactMap { $0 }.first { path in
                let process = Process()
                process.executableURL = URL(fileURLWithPath: path)
                process.arguments = ["-c", "import openai"]
                process.standardError = FileHandle.nullDevice
                guard (try? process.run()) != nil else { return false }
                process.waitUntilExit()
                return process.terminationStatus == 0
            }
        }()

        @Test(
            .enabled(if: python != nil, "no Python with openai; MURMUR_PYTHON names one (pip install openai)"),
            .timeLimit(.minutes(5)))
        func openAIsClientWorks() throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(Self.python))
            process.arguments = [SharedData.projectRoot.appendingPathComponent("scripts/check-serve").path]
            process.environment = ProcessInfo.processInfo.environment.merging(
                ["MURMUR": MurmurProcess.executable.path]) { $1 }
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(text)")
            #expect(text.contains("works against murmur serve"))
        }

        @Test func otherMachinesNeedAToken() async throws {
            let folder = try TemporaryFolder()
            let outcome = try await MurmurProcess.run(
                ["serve", "--host", "0.0.0.0", "--port", "0"], in: folder.url.path)
            #expect(outcome.status == 1 && outcome.error.contains("MURMUR_SERVE_TOKEN"), "\(outcome.error)")
        }

        @Test(.timeLimit(.minutes(2))) func aPipeIsAnsweredLineByLine() throws {
            let process = Process()
            process.executableURL = MurmurProcess.executable
            process.arguments = ["chat", "--max-new-tokens", "8"]
            let (input, output) = (Pipe(), Pipe())
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            try input.fileHandleForWriting.write(
                contentsOf: Data("Put the numbers in order: 3 1 2\n/new\nSay cat.\n".utf8))
            try input.fileHandleForWriting.close()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(text.split(separator: "\n").count >= 2 && !text.contains(">"))
        }
    }
}
