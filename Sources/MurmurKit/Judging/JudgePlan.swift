import Basics
import Cryptography
package import InstructionTuning
import Observability
package import Storage

/// How a judge is asked.
package struct JudgeSettings: Sendable, Hashable {
    /// The judge, as the endpoint calls it.
    package var model: String
    /// The form of its verdicts.
    package var form = VerdictForm.line
    /// How often each pair of answers is judged in each order.
    package var repeats = 3
    /// The most tokens of a reply, and what the endpoint calls that.
    package var maximumTokens = 512
    package var limitName = LimitName.maxTokens
    /// The judge's temperature; nil leaves it to the endpoint.
    package var temperature: Double?
    /// The seed of the first repeat, the others' follow it; nil sends none.
    package var seed: Int?

    /// OpenAI's two names for the most tokens of a reply: some models know one of them only.
    package enum LimitName: String, Sendable, Hashable, CaseIterable {
        case maxTokens = "max_tokens"
        case maxCompletionTokens = "max_completion_tokens"
    }

    package init(model: String) {
        self.model = model
    }
}

/// All that a judge is asked: every pair of contestants, on every question that both answered, in both orders, several
/// times.
package struct JudgePlan: Sendable {
    /// A contestant and the one that it is set beside, by their places.
    package struct Pair: Sendable, Hashable {
        package let contestant: Int
        package let beside: Int
    }

    /// One request.
    package struct Request: Sendable, Hashable {
        package let pair: Int
        package let question: Int
        package let repetition: Int
        /// Whether the contestant's answer is shown first.
        package let isFirst: Bool
        /// The digest of all that makes the reply, in hexadecimal.
        package let key: String
    }

    package let settings: JudgeSettings
    package let questions: [JudgeQuestion]
    package let contestants: [JudgeAnswers]
    package let pairs: [Pair]
    /// In the order in which they are asked: question by question, so that what is interrupted has whole questions.
    package let requests: [Request]

    /// - Parameters:
    ///   - endpoint: what the endpoint is called, which is a part of the keys.
    ///   - baseline: the contestant that the others are set beside; nil sets every later one beside every earlier one.
    /// - Throws: `CommandFailure`.
    package init(
        _ questions: [JudgeQuestion], _ contestants: [JudgeAnswers], baseline: String? = nil, settings: JudgeSettings,
        endpoint: String
    ) throws {
        guard contestants.count >= 2 else { throw CommandFailure("a judge compares: give two contestants or more") }
        for (place, one) in contestants.enumerated()
        where contestants[..<place].contains(where: { $0.name == one.name }) {
            throw CommandFailure("two contestants are called \(one.name): name one, --answers NAME=FILE")
        }
        if let baseline {
            guard let place = contestants.firstIndex(where: { $0.name == baseline }) else {
                throw CommandFailure(
                    "--baseline \(baseline): there is \(contestants.map(\.name).joined(separator: ", "))")
            }
            pairs = contestants.indices.filter { $0 != place }.map { Pair(contestant: $0, beside: place) }
        } else {
            pairs = contestants.indices.flatMap { later in (0..<later).map { Pair(contestant: later, beside: $0) } }
        }
        self.settings = settings
        self.questions = questions
        self.contestants = contestants
        var requests: [Request] = []
        for (place, question) in questions.enumerated() {
            for (index, pair) in pairs.enumerated() {
                guard let one = contestants[pair.contestant].answers[question.id],
                    let other = contestants[pair.beside].answers[question.id]
                else { continue }
                for repetition in 0..<settings.repeats {
                    for isFirst in [true, false] {
                        let body = Self.body(
                            question, first: isFirst ? one : other, second: isFirst ? other : one, settings, repetition)
                        let key = Self.key(body, repetition: repetition, isFirst: isFirst, endpoint: endpoint)
                        requests.append(
                            Request(pair: index, question: place, repetition: repetition, isFirst: isFirst, key: key))
                    }
                }
            }
        }
        guard !requests.isEmpty else {
            throw CommandFailure(
                "no two contestants answer one of the \(questions.count) questions: do their ids agree?")
        }
        self.requests = requests
    }

    private static func key(_ body: JSONValue, repetition: Int, isFirst: Bool, endpoint: String) -> String {
        let all = JSONValue.array([.text(endpoint), .integer(repetition), .bool(isFirst), body])
        return Digest.blake2b256(all.encoded(), personalisation: "murmur judge").hexadecimal
    }

    private static func body(
        _ question: JudgeQuestion, first: String, second: String, _ settings: JudgeSettings, _ repetition: Int
    ) -> JSONValue {
        let turns = JudgePrompt.turns(question: question.text, first: first, second: second, form: settings.form)
        let messages = turns.map { turn in
            JSONValue.object(JSONObject([("role", .text(turn.role.rawValue)), ("content", .text(turn.content))]))
        }
        var members: [(String, JSONValue)] = [
            ("model", .text(settings.model)), ("messages", .array(messages)),
            (settings.limitName.rawValue, .integer(settings.maximumTokens)),
        ]
        if let temperature = settings.temperature { members.append(("temperature", .number(temperature))) }
        if let format = settings.form.responseFormat { members.append((JudgeClient.formatMember, format)) }
        if let seed = settings.seed { members.append(("seed", .integer(seed &+ repetition))) }
        return .object(JSONObject(members))
    }

    /// The two answers of a request, the contestant's first.
    private func answers(of request: Request) -> (own: String, other: String) {
        let (pair, id) = (pairs[request.pair], questions[request.question].id)
        return (contestants[pair.contestant].answers[id] ?? "", contestants[pair.beside].answers[id] ?? "")
    }

    /// What is sent for a request.
    package func body(of request: Request) -> JSONValue {
        let (own, other) = answers(of: request)
        return Self.body(
            questions[request.question], first: request.isFirst ? own : other, second: request.isFirst ? other : own,
            settings, request.repetition)
    }

    /// How many questions one of a pair answered and the other did not.
    package func unanswered(by pair: Int) -> Int {
        let (one, other) = (contestants[pairs[pair].contestant], contestants[pairs[pair].beside])
        return questions.count { (one.answers[$0.id] == nil) != (other.answers[$0.id] == nil) }
    }

    /// The tallies of the pairs, of which `outcome` says what came of each request.
    package func tallies(_ outcome: (Request) -> JudgeOutcome) -> [JudgeTally] {
        var places: [[Int: Int]] = pairs.map { _ in [:] }
        var tallied: [[JudgeTally.Question]] = pairs.map { _ in [] }
        for request in requests {
            let (own, other) = answers(of: request)
            let place = places[request.pair][request.question] ?? tallied[request.pair].count
            if place == tallied[request.pair].count {
                places[request.pair][request.question] = place
                tallied[request.pair].append(
                    JudgeTally.Question(category: questions[request.question].category, answer: own, beside: other))
            }
            tallied[request.pair][place].add(outcome(request), isFirst: request.isFirst)
        }
        return tallied.map { JudgeTally($0) }
    }
}

/// What requests to a judge will take, before any is sent.
package struct JudgeEstimate: Sendable, Hashable {
    /// All requests of the plan, and those without a reply yet.
    package let requests: Int
    package let toAsk: Int
    /// Tokens of those: a token is taken to be four bytes of text.
    package let tokensIn: Int
    /// At most.
    package let tokensOut: Int
    /// What a million tokens cost; nil where nobody said.
    package let prices: JudgePrices?

    /// The estimate of `plan`, of which the replies to `known` keys are there.
    package init(_ plan: JudgePlan, known: Set<String>, prices: JudgePrices?) {
        var (asked, tokens) = (Set<String>(), 0)
        for request in plan.requests where !known.contains(request.key) && asked.insert(request.key).inserted {
            let body = plan.body(of: request)
            let messages = body["messages"]?.array ?? []
            // Endpoints may put the schema before the messages, and count it.
            tokens += ((body[JudgeClient.formatMember]?.encoded().count ?? 0) + 3) / 4
            tokens += messages.reduce(0) { $0 + 4 + (($1["content"]?.bytes?.count ?? 0) + 3) / 4 }
        }
        requests = Set(plan.requests.map(\.key)).count
        toAsk = asked.count
        tokensIn = tokens
        tokensOut = asked.count * plan.settings.maximumTokens
        self.prices = prices
    }

    /// The most that it costs; nil where there are no prices.
    package var cost: Double? { prices?.cost(tokensIn: tokensIn, tokensOut: tokensOut) }

    /// In a line.
    package var line: String {
        var line = "\(requests) requests, \(requests - toAsk) of them answered before, \(toAsk) to ask"
        guard toAsk > 0 else { return line }
        line += ": about \(tokensIn) tokens in, at most \(tokensOut) out"
        if let cost { line += ", at most \(Readable.number(cost, digits: 2)) in the prices' currency" }
        return line
    }
}

/// What a million tokens cost, in any one currency.
package struct JudgePrices: Sendable, Hashable {
    package var tokensIn: Double
    package var tokensOut: Double

    package init(tokensIn: Double, tokensOut: Double) {
        self.tokensIn = tokensIn
        self.tokensOut = tokensOut
    }

    package func cost(tokensIn: Int, tokensOut: Int) -> Double {
        (Double(tokensIn) * self.tokensIn + Double(tokensOut) * self.tokensOut) / 1e6
    }
}
