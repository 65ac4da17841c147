import Storage
import SwarmFile

/// A conversation with a trainer's process, from its start to its end: one request at a time.
struct TrainerSession: Sendable {
    let process: TrainerProcess
    let limits: SwarmTopology.TrainerCommand
    /// How often the clock is looked at.
    private static let tick = Duration.milliseconds(100)

    /// Starts a process and waits until it is ready for `hello`.
    ///
    /// - Parameter skills: what the swarm asks for and not every trainer can.
    /// - Throws: `TrainerFault`; the process is then over.
    static func begin(
        _ limits: SwarmTopology.TrainerCommand, hello: JSONValue, samples: Int, skills: Set<TrainerSkill>,
        log: TrainerLog
    ) async throws(TrainerFault) -> (session: TrainerSession, name: String) {
        let process = TrainerProcess(limits.command, log: log)
        let session = TrainerSession(process: process, limits: limits)
        do throws(TrainerFault) {
            var name: String?
            try await session.ask(hello, within: limits.startLimit, mayBeSilent: true) { reply throws(TrainerFault) in
                guard case .ready(let version, let named, let count, let known) = reply else { return false }
                guard version == TrainerRequest.version else {
                    throw .violation("it speaks version \(version), this peer version \(TrainerRequest.version)")
                }
                guard count == samples else {
                    throw .badResult("it has read \(count) of the \(samples) records")
                }
                if let missing = TrainerSkill.allCases.first(where: { skills.contains($0) && !known.contains($0) }) {
                    throw .cannot(missing)
                }
                name = named
                return true
            }
            return (session, name ?? "")
        } catch {
            process.kill()
            await process.end(patience: .zero)
            switch error {
            // As shells and `env` tell it.
            case .ended("ended with exit code 127"): throw .notStarted("there is no such program")
            case .ended("ended with exit code 126"): throw .notStarted("it is no program that may be run")
            default: throw error
            }
        }
    }

    /// Sends `request` and hands each reply to `receive` until that returns true: then it is answered.
    ///
    /// - Parameters:
    ///   - seconds: how long it may take in all.
    ///   - mayBeSilent: whether the trainer need not say anything meanwhile.
    /// - Throws: `TrainerFault`. After any but `refused` the process is of no more use.
    func ask(
        _ request: JSONValue, within seconds: Double, mayBeSilent: Bool = false,
        _ receive: (TrainerReply) throws(TrainerFault) -> Bool
    ) async throws(TrainerFault) {
        process.send(try TrainerRequest.line(request))
        let ticking = Task { [process] in
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.tick)
                process.wake(.tick)
            }
        }
        defer { ticking.cancel() }
        let begin = ContinuousClock.now
        var heard = begin
        for await event in process.events {
            switch event {
            case .line(let line):
                heard = .now
                if try await answers(try TrainerReply(line: line), receive) { return }
            case .violation(let reason): throw .violation(reason)
            case .ended(let how): throw .ended(how)
            case .stop: throw .stopped
            case .tick:
                let now = ContinuousClock.now
                if now - begin > .seconds(seconds) { throw .late(seconds: seconds) }
                if !mayBeSilent, now - heard > .seconds(limits.silenceLimit) {
                    throw .silent(seconds: limits.silenceLimit)
                }
            }
        }
        throw .ended("ended")
    }

    private func answers(
        _ reply: TrainerReply, _ receive: (TrainerReply) throws(TrainerFault) -> Bool
    ) async throws(TrainerFault) -> Bool {
        switch reply {
        case .alive: return false
        case .error(_, let message): throw .refused(message)
        default: return try receive(reply)
        }
    }
}
