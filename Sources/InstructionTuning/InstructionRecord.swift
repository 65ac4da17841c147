/// One private instruction with its answer.
package struct InstructionRecord: Sendable, Hashable {
    /// What is asked.
    package var instruction: String
    /// Further context that the instruction speaks about; empty where there is none. Dolly calls it `context`, Alpaca
    /// `input`.
    package var context: String
    /// The answer to learn. Alpaca calls it `output`.
    package var response: String
    /// The kind of task; empty where the data do not say.
    package var category: String

    package init(instruction: String, context: String = "", response: String, category: String = "") {
        self.instruction = instruction
        self.context = context
        self.response = response
        self.category = category
    }
}
