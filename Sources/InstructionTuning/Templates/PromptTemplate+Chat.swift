/// The forms of chat models: one turn of the user, which is the instruction and, a blank line below, its context, and one
/// of the model. Special tokens are spelled out, as in the checkpoints' own chat templates; there is no system turn.
extension PromptTemplate {
    /// ChatML: Qwen, SmolLM-Instruct, OpenHermes and others.
    package static let chatML = chat(
        name: "chatml", summary: "ChatML, the turns of Qwen and SmolLM-Instruct",
        before: "<|im_start|>user\n", after: "<|im_end|>\n<|im_start|>assistant\n", end: "<|im_end|>")

    /// Llama 2 Chat, and Mistral Instruct up to 0.2.
    package static let llama2 = chat(
        name: "llama-2", summary: "the turns of Llama 2 Chat", before: "<s>[INST] ", after: " [/INST]", start: " ",
        end: " </s>", trims: true)

    /// Llama 3 Instruct.
    package static let llama3 = chat(
        name: "llama-3", summary: "the turns of Llama 3 Instruct",
        before: "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n",
        after: "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", end: "<|eot_id|>", trims: true)

    /// Phi-3 Instruct.
    package static let phi3 = chat(
        name: "phi-3", summary: "the turns of Phi-3 Instruct", before: "<|user|>\n",
        after: "<|end|>\n<|assistant|>\n", end: "<|end|>")

    /// Gemma Instruct.
    package static let gemma = chat(
        name: "gemma", summary: "the turns of Gemma Instruct", before: "<bos><start_of_turn>user\n",
        after: "<end_of_turn>\n<start_of_turn>model\n", end: "<end_of_turn>", trims: true)

    private static func chat(
        name: String, summary: String, before: String, after: String, start: String = "", end: String,
        trims: Bool = false
    ) -> PromptTemplate {
        builtIn(
            name: name, summary: summary, withContext: before + "{instruction}\n\n{input}" + after,
            withoutContext: before + "{instruction}" + after, responseMarker: after, responseStart: start,
            responseEnd: end, addsSpecialTokens: false, trims: trims)
    }
}
