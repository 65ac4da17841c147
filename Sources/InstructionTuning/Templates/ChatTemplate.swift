/// A checkpoint's chat template, which writes conversations as transformers' `apply_chat_template` does, and says which
/// part of the text each answer is.
package struct ChatTemplate: Sendable {
    /// A conversation as text.
    struct Rendered: Equatable {
        var text: String
        /// For each of the assistant's turns, in their order, its part of the text in bytes of UTF-8: the answer and what
        /// ends it.
        var answers: [Range<Int>]
    }

    /// The template in Jinja, which says by its text that two are equal.
    package let source: String
    private let statements: [JinjaStatement]
    private let variables: [String: JinjaValue]
    private let tokens: [String: String]
    /// What stands between the prompt and an answer, and what ends an answer: the single turn's form.
    private let form: ChatForm

    /// Reads `source`, whose special tokens are spelled as `tokens` say. Throws for a template that this project's Jinja
    /// does not render, or that does more with the contents of a single turn than to put them in.
    init(source: String, tokens: [String: String]) throws(JinjaError) {
        self.source = source
        self.tokens = tokens
        variables = tokens.mapValues(JinjaValue.string)
        statements = try JinjaParser.statements(of: source)
        form = try ChatForm(statements: statements, variables: variables)
    }

    /// The same as a template of single turns.
    func promptTemplate(name: String) throws(JinjaError) -> PromptTemplate {
        try form.promptTemplate(name: name, conversation: self)
    }

    /// Whether the template itself marks what the assistant says, with `{% generation %}`.
    var marksAnswers: Bool { source.contains("endgeneration") }

    /// The text of `turns`.
    ///
    /// - Parameter prompts: whether the text goes on to where the assistant would speak.
    func text(of turns: [ChatTurn], prompts: Bool = false) throws(JinjaError) -> String {
        try output(of: turns, prompts: prompts).text
    }

    private func output(of turns: [ChatTurn], prompts: Bool) throws(JinjaError) -> JinjaRenderer.Output {
        var all = variables
        all["messages"] = .list(
            turns.map { .dictionary(["role": .string($0.role.rawValue), "content": .string($0.content)]) })
        all["add_generation_prompt"] = .bool(prompts)
        return try JinjaRenderer.output(of: statements, variables: all, limits: .of(turns))
    }

    /// A conversation with its answers' places.
    ///
    /// Where the template marks answers, its marks hold. Otherwise the conversation is rendered a second time with marks in
    /// place of the contents; what stands around them is the form, and the form with the contents must be the text that
    /// the template gives of them. Throws for a template that changes what is said.
    func rendered(_ turns: [ChatTurn]) throws(JinjaError) -> Rendered {
        let output = try output(of: turns, prompts: false)
        if marksAnswers {
            let count = turns.count { $0.role == .assistant }
            guard output.generations.count == count else {
                throw JinjaError(
                    reason: "it marks \(output.generations.count) answers of a conversation with \(count)")
            }
            return Rendered(text: output.text, answers: output.generations)
        }
        let pieces = try pieces(around: turns)
        var text = pieces[0]
        var answers: [Range<Int>] = []
        for (turn, (before, after)) in zip(turns, zip(pieces, pieces.dropFirst())) {
            var start = text.utf8.count
            if turn.role == .assistant, let header = form.answerStart(in: before) { start -= header }
            text += form.trims ? JinjaFunctions.stripped(turn.content) : turn.content
            if turn.role == .assistant {
                let end = after.utf8.starts(with: form.end.utf8) ? form.end.utf8.count : 0
                answers.append(start..<text.utf8.count + end)
            }
            text += after
        }
        guard text.utf8.elementsEqual(output.text.utf8) else {
            throw JinjaError(reason: "it changes what is said in this conversation")
        }
        return Rendered(text: output.text, answers: answers)
    }

    /// What the template writes before, between and behind the contents of turns of these roles.
    private func pieces(around turns: [ChatTurn]) throws(JinjaError) -> [String] {
        // Private-use characters around a number: no template names them.
        let marks = turns.indices.map { "\u{f8f1}\($0)\u{f8f2}" }
        let marked = zip(turns, marks).map { ChatTurn($0.role, $1) }
        var rest = try text(of: marked)[...]
        var pieces: [String] = []
        for mark in marks {
            guard let place = rest.firstRange(of: mark) else {
                throw JinjaError(reason: "it leaves turns out, or writes them in another order")
            }
            pieces.append(String(rest[..<place.lowerBound]))
            rest = rest[place.upperBound...]
        }
        return pieces + [String(rest)]
    }
}

extension ChatTemplate: Hashable {
    package static func == (left: ChatTemplate, right: ChatTemplate) -> Bool {
        left.source == right.source && left.tokens == right.tokens
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(source)
    }
}

/// What a chat template puts around the contents of one turn of the user and one of the model.
struct ChatForm: Sendable {
    private let before: String
    private let after: String
    private let start: String
    /// What ends an answer.
    let end: String
    /// Whether white space around contents is cut.
    let trims: Bool

    // Private-use characters: no template names them, and no one is a letter or white space.
    private static let question = "\u{f8f1}\u{f8f2}\u{f8f3}"
    private static let answer = "\u{f8f4}\u{f8f5}\u{f8f6}"

    /// Renders a template with marks for the contents.
    init(statements: [JinjaStatement], variables: [String: JinjaValue]) throws(JinjaError) {
        func render(_ turns: [(String, String)], prompts: Bool) throws(JinjaError) -> String {
            var all = variables
            all["messages"] = .list(
                turns.map { .dictionary(["role": .string($0.0), "content": .string($0.1)]) })
            all["add_generation_prompt"] = .bool(prompts)
            return try JinjaRenderer.output(of: statements, variables: all, limits: .form).text
        }
        // White space around the content tells whether the template trims it.
        let padded = " \n\(Self.question)\n "
        let prompt = try render([("user", padded)], prompts: true)
        trims = !prompt.contains(padded)
        let plain = try render([("user", Self.question)], prompts: true)
        (before, after) = try Self.parts(of: plain, around: Self.question)
        guard prompt == before + (trims ? Self.question : padded) + after else {
            throw JinjaError(reason: "it changes what the user says")
        }
        let conversation = try render([("user", Self.question), ("assistant", Self.answer)], prompts: false)
        let (head, tail) = try Self.parts(of: conversation, around: Self.answer)
        // What training shows must begin as what generation will give, or the answer would start elsewhere.
        guard head.utf8.starts(with: plain.utf8) else {
            throw JinjaError(reason: "an answered turn does not begin as the prompt for one")
        }
        start = String(decoding: head.utf8.dropFirst(plain.utf8.count), as: UTF8.self)
        // Line breaks behind the mark belong to the next turn.
        end = JinjaFunctions.stripped(tail, start: false)
    }

    /// How many bytes at the end of `piece`, which stands between a question and its answer, belong to the answer; nil
    /// where the piece does not begin as the prompt goes on behind a question.
    func answerStart(in piece: String) -> Int? {
        piece.utf8.starts(with: after.utf8) ? piece.utf8.count - after.utf8.count : nil
    }

    /// What stands before and behind the one `mark` of `text`.
    private static func parts(of text: String, around mark: String) throws(JinjaError) -> (String, String) {
        let scalars = Array(text.unicodeScalars)
        let wanted = Array(mark.unicodeScalars)
        let places = scalars.indices.filter { scalars[$0...].starts(with: wanted) }
        guard places.count == 1, let place = places.first else {
            throw JinjaError(reason: "it writes a turn's content \(places.count) times")
        }
        func string(_ part: ArraySlice<Unicode.Scalar>) -> String {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: part)
            return String(view)
        }
        return (string(scalars[..<place]), string(scalars[(place + wanted.count)...]))
    }

    /// The prompt template of this form.
    func promptTemplate(name: String, conversation: ChatTemplate) throws(JinjaError) -> PromptTemplate {
        func escaped(_ text: String) -> String {
            text.replacing("{", with: "{{").replacing("}", with: "}}")
        }
        do {
            return try PromptTemplate(
                name: name, summary: "the checkpoint's own chat template",
                withContext: escaped(before) + "{instruction}\n\n{input}" + escaped(after),
                withoutContext: escaped(before) + "{instruction}" + escaped(after), responseMarker: after,
                responseStart: start, responseEnd: end, addsSpecialTokens: false, trims: trims,
                conversation: conversation)
        } catch {
            throw JinjaError(reason: error.description)
        }
    }
}
