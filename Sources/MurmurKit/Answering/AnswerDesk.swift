package import LanguageModel
package import LinearAlgebra

/// One prompt in tokens and how its answer is written.
package struct AnswerRequest: Sendable {
    package var prompt: [Int32]
    package var options: GenerationOptions
    /// Texts that end the answer, as tokens may not be cut where they begin; they are not part of it.
    package var stopTexts: [String]
    /// When the answer must be done; nil for whenever it is.
    package var deadline: ContinuousClock.Instant?

    package init(
        prompt: [Int32], options: GenerationOptions, stopTexts: [String] = [],
        deadline: ContinuousClock.Instant? = nil
    ) {
        self.prompt = prompt
        self.options = options
        self.stopTexts = stopTexts
        self.deadline = deadline
    }
}

/// What comes of a request.
package enum AnswerPiece: Sendable, Equatable {
    /// The next part of the answer.
    case text(String)
    /// The answer is whole: why it ended, and of how many tokens it is.
    case end(GenerationEvent.Ending, tokens: Int)
}

/// Why a request is not answered, or not to its end.
package enum AnswerFault: Error, Equatable, CustomStringConvertible {
    /// So many requests wait already.
    case full(waiting: Int)
    /// The time that was given for it is over.
    case late

    package var description: String {
        switch self {
        case .full(let waiting): "\(waiting) requests wait already; try again in a moment"
        case .late: "the answer took longer than is allowed"
        }
    }
}

/// Answers the requests of many side by side with one model: up to a number of texts are written at the same time, and
/// the others wait in the order in which they came.
package actor AnswerDesk {
    private struct Job {
        let number: Int
        let request: AnswerRequest
        let continuation: AsyncThrowingStream<AnswerPiece, any Error>.Continuation
        var text: AnswerText
    }

    private let generator: TextGenerator
    private let lane: ComputeLane
    private let decode: @Sendable ([Int32]) -> String
    /// The most rows of a pass: a beam search has one for each beam.
    private let rows: Int
    private let waitingLimit: Int
    private var waiting: [Job] = []
    /// The jobs that are written, by their tickets.
    private var running: [Int: Job] = [:]
    /// The jobs that the pass under way begins.
    private var entering: Set<Int> = []
    /// Jobs that nobody reads any more.
    private var left: Set<Int> = []
    private var count = 0
    private var isWorking = false

    /// A desk that writes at most `rows` texts at a time on `lane`, and lets at most `waitingLimit` others wait.
    package init(
        generator: TextGenerator, lane: ComputeLane, rows: Int, waitingLimit: Int = .max,
        decode: @escaping @Sendable ([Int32]) -> String
    ) {
        precondition(rows > 0 && waitingLimit >= 0, "a desk has room for a text")
        self.generator = generator
        self.lane = lane
        self.rows = rows
        self.waitingLimit = waitingLimit
        self.decode = decode
    }

    /// How many answers are written now, and how many requests wait.
    package var load: (writing: Int, waiting: Int) { (running.count, waiting.count) }

    /// Takes in a request; whoever stops reading the answer ends the work. Throws `AnswerFault.full`.
    package func answer(_ request: AnswerRequest) throws(AnswerFault) -> AsyncThrowingStream<AnswerPiece, any Error> {
        guard waiting.count < waitingLimit || running.count + waiting.count < rows else {
            throw .full(waiting: waiting.count)
        }
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: AnswerPiece.self)
        count += 1
        let number = count
        continuation.onTermination = { reason in
            guard case .cancelled = reason else { return }
            Task { await self.leave(number) }
        }
        waiting.append(
            Job(
                number: number, request: request, continuation: continuation,
                text: AnswerText(stops: request.stopTexts, decode: decode)))
        if !isWorking {
            isWorking = true
            Task { await work() }
        }
        return stream
    }

    private func leave(_ number: Int) {
        if let place = waiting.firstIndex(where: { $0.number == number }) {
            waiting.remove(at: place)
        } else if entering.contains(number) || running.values.contains(where: { $0.number == number }) {
            left.insert(number)
        }
    }

    /// One pass after another while there is work.
    private func work() async {
        while true {
            dropLate()
            let gone = running.filter { left.contains($0.value.number) }.map(\.key)
            for ticket in gone { running[ticket] = nil }
            left = []
            let admitted = admit()
            entering = Set(admitted.map(\.number))
            guard !running.isEmpty || !admitted.isEmpty || !gone.isEmpty else { break }
            await pass(removing: gone, adding: admitted)
            entering = []
        }
        isWorking = false
    }

    /// Ends what has no time left.
    private func dropLate() {
        let now = ContinuousClock.now
        func isLate(_ job: Job) -> Bool { job.request.deadline.map { $0 <= now } ?? false }
        for job in waiting where isLate(job) { job.continuation.finish(throwing: AnswerFault.late) }
        waiting.removeAll(where: isLate)
        for job in running.values where isLate(job) {
            job.continuation.finish(throwing: AnswerFault.late)
            left.insert(job.number)
        }
    }

    /// The requests whose turn it is: as many as there are rows for. One that needs more than all is written alone.
    private func admit() -> [Job] {
        var used = running.values.reduce(0) { $0 + $1.request.options.beams }
        var admitted: [Job] = []
        while let job = waiting.first, used == 0 || used + job.request.options.beams <= rows {
            used += job.request.options.beams
            admitted.append(waiting.removeFirst())
        }
        return admitted
    }

    /// One pass of the model on the lane, and what it gives to whom.
    private func pass(removing gone: [Int], adding jobs: [Job]) async {
        let (generator, requests) = (generator, jobs.map(\.request))
        let result: (added: [Result<Int, EngineError>], events: [GenerationEvent])
        do {
            result = try await lane.run {
                for ticket in gone { generator.remove(ticket) }
                let added = requests.map { request in
                    Result { () throws(EngineError) in try generator.add(request.prompt, options: request.options) }
                }
                return (added, generator.advance())
            }
        } catch {
            // The lane's queue is full: everybody is told, and nothing is left behind.
            for job in jobs + Array(running.values) { job.continuation.finish(throwing: error) }
            left.formUnion(running.values.map(\.number))
            return
        }
        for (job, ticket) in zip(jobs, result.added) {
            switch ticket {
            case .success(let ticket): running[ticket] = job
            case .failure(let error): job.continuation.finish(throwing: error)
            }
        }
        for event in result.events { tell(event) }
    }

    private func tell(_ event: GenerationEvent) {
        guard var job = running[event.ticket] else { return }
        switch event {
        case .token(_, let token):
            if let piece = job.text.add(token) { job.continuation.yield(.text(piece)) }
            running[event.ticket] = job
            if job.text.isStopped { finish(job, .stop) }
        case .finished(_, let ending):
            running[event.ticket] = nil
            if !job.text.isStopped { finish(job, ending) }
        case .failed(_, let error):
            running[event.ticket] = nil
            job.continuation.finish(throwing: error)
        }
    }

    private func finish(_ job: Job, _ ending: GenerationEvent.Ending) {
        var text = job.text
        if let rest = text.finish() { job.continuation.yield(.text(rest)) }
        job.continuation.yield(.end(text.isStopped ? .stop : ending, tokens: text.tokenCount))
        job.continuation.finish()
        // It may have come to a text that stops it, which the generator does not know.
        left.insert(job.number)
    }
}

/// The text of an answer as its tokens come, up to a text that stops it.
struct AnswerText {
    private var pieces: TextPieces
    private let stops: [String]
    private(set) var tokenCount = 0
    /// Whether a stop text has come.
    private(set) var isStopped = false
    /// What may be the beginning of a stop text.
    private var held = ""

    init(stops: [String], decode: @escaping ([Int32]) -> String) {
        pieces = TextPieces(decode: decode)
        self.stops = stops.filter { !$0.isEmpty }
    }

    /// What is certain to belong to the answer with one token more; nil where that is nothing.
    mutating func add(_ token: Int32) -> String? {
        guard !isStopped else { return nil }
        tokenCount += 1
        guard let piece = pieces.add(token) else { return nil }
        return release(piece)
    }

    /// What is left at the end; nil where there is nothing.
    mutating func finish() -> String? {
        guard !isStopped else { return nil }
        let rest = release(pieces.finish() ?? "") ?? ""
        defer { held = "" }
        let all = rest + (isStopped ? "" : held)
        return all.isEmpty ? nil : all
    }

    private mutating func release(_ piece: String) -> String? {
        let text = Array((held + piece).utf8)
        held = ""
        var end = text.count
        for start in text.indices {
            let rest = text[start...]
            if stops.contains(where: { rest.starts(with: $0.utf8) }) {
                isStopped = true
                end = start
                break
            }
            if stops.contains(where: { $0.utf8.starts(with: rest) }) {
                held = String(decoding: rest, as: UTF8.self)
                end = start
                break
            }
        }
        return end == 0 ? nil : String(decoding: text[..<end], as: UTF8.self)
    }
}
