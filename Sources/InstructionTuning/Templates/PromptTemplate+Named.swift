extension PromptTemplate {
    /// The template that `--template` and the topology file name: one of `names`, or the path of a template file.
    package static func named(_ name: String) throws(PromptTemplateError) -> PromptTemplate {
        switch name {
        case "alpaca": alpaca
        case "alpaca-short": alpacaShort
        case "terse": terse
        case "chatml": chatML
        case "llama-2": llama2
        case "llama-3": llama3
        case "phi-3": phi3
        case "gemma": gemma
        default:
            if name.hasSuffix(".json") || name.contains("/") {
                try read(path: name)
            } else {
                throw .unknownName(name, known: names)
            }
        }
    }

    /// The names of the built-in templates.
    package static let names = ["alpaca", "alpaca-short", "terse", "chatml", "llama-2", "llama-3", "phi-3", "gemma"]

    /// Stanford Alpaca's wording, letter for letter: adapters in the wild are tuned with it, and answer to it.
    package static let alpaca = builtIn(
        name: "alpaca", summary: "Stanford Alpaca's prompt, the usual one of LoRA adapters",
        withContext: """
            Below is an instruction that describes a task, paired with an input that provides further context. \
            Write a response that appropriately completes the request.

            ### Instruction:
            {instruction}

            ### Input:
            {input}

            ### Response:

            """,
        withoutContext: """
            Below is an instruction that describes a task. Write a response that appropriately completes the request.

            ### Instruction:
            {instruction}

            ### Response:

            """,
        responseMarker: "### Response:")

    /// Alpaca's headings alone: fewer tokens, for short contexts.
    package static let alpacaShort = builtIn(
        name: "alpaca-short", summary: "Alpaca's headings without the introduction",
        withContext: "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n",
        withoutContext: "### Instruction:\n{instruction}\n\n### Response:\n",
        responseMarker: "### Response:")

    /// Our own, for small bases that were never shown English prose.
    package static let terse = builtIn(
        name: "terse", summary: "the shortest prompt, for small bases",
        withContext: terseWording, withoutContext: terseWording.replacing("Given: {input}\n", with: ""),
        responseMarker: "Answer:")

    // It ends with a line break: byte-level tokenizers join a space to the word after it, and then the tokens of the prompt
    // alone would not begin the tokens of prompt and response.
    private static let terseWording = "Task: {instruction}\nGiven: {input}\nAnswer:\n"

    static func builtIn(
        name: String, summary: String, withContext: String, withoutContext: String, responseMarker: String,
        responseStart: String = "", responseEnd: String = "", addsSpecialTokens: Bool = true, trims: Bool = false
    ) -> PromptTemplate {
        do {
            return try PromptTemplate(
                name: name, summary: summary, withContext: withContext, withoutContext: withoutContext,
                responseMarker: responseMarker, responseStart: responseStart, responseEnd: responseEnd,
                addsSpecialTokens: addsSpecialTokens, trims: trims)
        } catch {
            preconditionFailure("a built-in template is well-formed: \(error)")
        }
    }
}
