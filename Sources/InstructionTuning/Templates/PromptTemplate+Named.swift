extension PromptTemplate {
    /// The template that `--template` and the topology file name: one of `names`, or the path of a template file.
    package static func named(_ name: String) throws(PromptTemplateError) -> PromptTemplate {
        switch name {
        case "alpaca": alpaca
        case "alpaca-legacy": alpacaLegacy
        case "alpaca-short": alpacaShort
        case "vigogne": vigogne
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
    package static let names = [
        "alpaca", "alpaca-legacy", "alpaca-short", "vigogne", "terse", "chatml", "llama-2", "llama-3", "phi-3", "gemma",
    ]

    /// Stanford Alpaca's wording, letter for letter: adapters in the wild are tuned with it, and answer to it.
    package static let alpaca = builtIn(
        name: "alpaca", summary: "Stanford Alpaca's prompt, the usual one of LoRA adapters",
        withContext: alpacaWording(withContext: true) + "\n", withoutContext: alpacaWording(withContext: false) + "\n",
        responseMarker: "### Response:")

    /// The same without the line break at the end, as the first Alpaca models were tuned.
    package static let alpacaLegacy = builtIn(
        name: "alpaca-legacy", summary: "Stanford Alpaca's prompt as it first was, without the last line break",
        withContext: alpacaWording(withContext: true), withoutContext: alpacaWording(withContext: false),
        responseMarker: "### Response:")

    private static func alpacaWording(withContext: Bool) -> String {
        let task = "Below is an instruction that describes a task"
        let input = withContext ? ", paired with an input that provides further context" : ""
        return task + input + ". Write a response that appropriately completes the request.\n\n"
            + "### Instruction:\n{instruction}\n\n" + (withContext ? "### Input:\n{input}\n\n" : "") + "### Response:"
    }

    /// Alpaca's prompt in French, letter for letter that of the Vigogne models.
    package static let vigogne = builtIn(
        name: "vigogne", summary: "Alpaca's prompt in French, as the Vigogne models have it",
        withContext: vigogneWording(withContext: true), withoutContext: vigogneWording(withContext: false),
        responseMarker: "### Réponse:")

    private static func vigogneWording(withContext: Bool) -> String {
        let task = "Ci-dessous se trouve une instruction qui décrit une tâche"
        let input = withContext ? ", associée à une entrée qui fournit un contexte supplémentaire" : ""
        return task + input + ". Écrivez une réponse qui complète correctement la demande.\n\n"
            + "### Instruction:\n{instruction}\n\n" + (withContext ? "### Entrée:\n{input}\n\n" : "")
            + "### Réponse:\n"
    }

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
        responseStart: String = "", responseEnd: String = "", addsSpecialTokens: Bool = true, trims: Bool = false,
        conversation: ChatTemplate? = nil
    ) -> PromptTemplate {
        do {
            return try PromptTemplate(
                name: name, summary: summary, withContext: withContext, withoutContext: withoutContext,
                responseMarker: responseMarker, responseStart: responseStart, responseEnd: responseEnd,
                addsSpecialTokens: addsSpecialTokens, trims: trims, conversation: conversation)
        } catch {
            preconditionFailure("a built-in template is well-formed: \(error)")
        }
    }
}

/// The forms of chat models: one turn of the user, which is the instruction and, a blank line below, its context, and one
/// of the model. Special tokens are spelled out, as in the checkpoints' own chat templates; no system turn is put in.
/// Conversations of several turns are written with the Jinja beside each, a system turn among them where the family has
/// one.
extension PromptTemplate {
    /// ChatML: Qwen, SmolLM-Instruct, OpenHermes and others.
    package static let chatML = chat(
        name: "chatml", summary: "ChatML, the turns of Qwen and SmolLM-Instruct",
        before: "<|im_start|>user\n", after: "<|im_end|>\n<|im_start|>assistant\n", end: "<|im_end|>",
        conversation:
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{{ '\\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")

    /// Llama 2 Chat, and Mistral Instruct up to 0.2.
    package static let llama2 = chat(
        name: "llama-2", summary: "the turns of Llama 2 Chat", before: "<s>[INST] ", after: " [/INST]", start: " ",
        end: " </s>", trims: true,
        conversation: "{% set system = '' %}{% if messages[0].role == 'system' %}"
            + "{% set system = '<<SYS>>\\n' + messages[0].content + '\\n<</SYS>>\\n\\n' %}"
            + "{% set messages = messages[1:] %}{% endif %}{% for m in messages %}{% if m.role == 'user' %}"
            + "{{ '<s>[INST] ' + ((system if loop.first else '') + m.content) | trim + ' [/INST]' }}"
            + "{% else %}{{ ' ' + m.content | trim + ' </s>' }}{% endif %}{% endfor %}")

    /// Llama 3 Instruct.
    package static let llama3 = chat(
        name: "llama-3", summary: "the turns of Llama 3 Instruct",
        before: "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n",
        after: "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", end: "<|eot_id|>", trims: true,
        conversation: "<|begin_of_text|>{% for m in messages %}"
            + "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + m.content | trim + '<|eot_id|>' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}")

    /// Phi-3 Instruct.
    package static let phi3 = chat(
        name: "phi-3", summary: "the turns of Phi-3 Instruct", before: "<|user|>\n",
        after: "<|end|>\n<|assistant|>\n", end: "<|end|>",
        conversation: "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + '<|end|>\\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}")

    /// Gemma Instruct.
    package static let gemma = chat(
        name: "gemma", summary: "the turns of Gemma Instruct", before: "<bos><start_of_turn>user\n",
        after: "<end_of_turn>\n<start_of_turn>model\n", end: "<end_of_turn>", trims: true,
        conversation: "<bos>{% for m in messages %}{% if m.role == 'system' %}"
            + "{{ raise_exception('Gemma has no system turn') }}{% endif %}"
            + "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else 'user') + '\\n' + m.content | trim + '<end_of_turn>\\n' }}"
            + "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}")

    private static func chat(
        name: String, summary: String, before: String, after: String, start: String = "", end: String,
        trims: Bool = false, conversation source: String
    ) -> PromptTemplate {
        let conversation: ChatTemplate
        do {
            conversation = try ChatTemplate(source: source, tokens: [:])
        } catch {
            preconditionFailure("a built-in template is rendered: \(error.reason)")
        }
        return builtIn(
            name: name, summary: summary, withContext: before + "{instruction}\n\n{input}" + after,
            withoutContext: before + "{instruction}" + after, responseMarker: after, responseStart: start,
            responseEnd: end, addsSpecialTokens: false, trims: trims, conversation: conversation)
    }
}
