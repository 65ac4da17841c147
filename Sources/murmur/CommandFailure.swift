import ArgumentParser

/// A failure that the user is told in one line: what went wrong and what to do. Exit code 1.
struct CommandFailure: Error, CustomStringConvertible {
    /// The line.
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Runs a command's body; whatever it throws becomes one line on standard error and exit code 1. Usage errors keep
/// their exit code 2, which `Murmur.main` gives them.
func reportingFailures(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let exit as ExitCode {
        throw exit
    } catch let error as ValidationError {
        throw error
    } catch is CancellationError {
        Terminal.note("murmur: stopped")
        throw ExitCode(130)
    } catch {
        Terminal.note("murmur: \(error)")
        throw ExitCode(1)
    }
}
