import Adapters
import Testing

@Suite("Adapter schema") struct AdapterSchemaTests {
    @Test("Its encoding is the one whose digest manifests carry, byte for byte")
    func encoding() {
        let schema = AdapterSchema(tensors: [
            AdapterSchema.Tensor(name: "b", rows: 0x0102_0304, columns: 5),
            AdapterSchema.Tensor(name: "é", rows: 1, columns: 300),
        ])
        #expect(
            schema.encoded == [
                1, 0, 0, 0, 0x62, 4, 3, 2, 1, 5, 0, 0, 0,
                2, 0, 0, 0, 0xc3, 0xa9, 1, 0, 0, 0, 0x2c, 1, 0, 0,
            ])
        #expect(AdapterSchema(tensors: []).encoded == [])
    }

    @Test("A mean counts each delta by its weight")
    func weightedMean() {
        let schema = AdapterSchema(tensors: [AdapterSchema.Tensor(name: "a", rows: 1, columns: 3)])
        func delta(_ values: [Float]) -> AdapterDelta { AdapterDelta(schema: schema, values: values) }
        let mean = AdapterDelta.weightedMean([(1, delta([1, 0, -4])), (3, delta([5, 4, 4]))])
        #expect(mean == delta([4, 3, 2]))
        #expect(AdapterDelta.weightedMean([(0.5, delta([1, 2, 3]))]) == delta([1, 2, 3]))
    }
}
