module MappingNets.Core.Tests.CounterHashGoldenTests

open System
open Expecto
open MappingNets.Core
open MappingNets.Core.Tests.GoldenValues

let private seven = CounterHash.ofSeed 7UL

/// Pairs of an argument and a value.
let private pairs name read compute =
    testCase name (fun () ->
        for pair in items (golden name) do
            let argument, expected = read pair[0], word pair[1]
            Expect.equal (compute argument) expected $"{name} {argument}")

let private singles name (compute: uint64 -> float32) =
    testCase name (fun () ->
        let expected = floatBits (golden name)

        let actual =
            Array.init expected.Length (fun index ->
                compute (uint64 index) |> BitConverter.SingleToUInt32Bits |> uint64)

        Expect.equal actual expected name)

[<Tests>]
let tests =
    testList
        "golden counter hash"
        [ pairs "mix" word CounterHash.mix
          pairs "ofSeed" word (fun seed -> (CounterHash.ofSeed seed).Bits)
          pairs "child" word (fun number -> (CounterHash.child number seven).Bits)
          pairs "named" text (fun name -> (CounterHash.named name seven).Bits)
          pairs "bits" word (CounterHash.bits seven)
          singles "uniform" (CounterHash.uniform seven)
          singles "symmetricUniform" (CounterHash.symmetricUniform seven)

          testCase "sign" (fun () ->
              let expected = text (golden "sign")

              let actual =
                  String.init expected.Length (fun index ->
                      if CounterHash.sign seven (uint64 index) < 0.0f then
                          "-"
                      else
                          "+")

              Expect.equal actual expected "signs")

          testCase "uniformDouble" (fun () ->
              for index, bits in List.indexed (items (golden "uniformDouble")) do
                  let actual = CounterHash.uniformDouble seven (uint64 index)
                  Expect.equal (BitConverter.DoubleToUInt64Bits actual) (word bits) $"index {index}")

          testCase "normal, but for the last bits of the logarithm and the cosine" (fun () ->
              for index, value in List.indexed (items (golden "normal")) do
                  let actual = CounterHash.normal seven (uint64 index)
                  Expect.floatClose Accuracy.veryHigh actual (value.GetDouble()) $"index {index}")

          testCase "below" (fun () ->
              for pair in items (golden "below") do
                  let bound = word pair[0]

                  for index, value in List.indexed (items pair[1]) do
                      let actual = CounterHash.below seven bound (uint64 index)
                      Expect.equal actual (word value) $"bound {bound}, index {index}")

          testCase "permute" (fun () ->
              for table in items (golden "permute") do
                  let expected = items table |> List.map _.GetUInt64()
                  let size = uint64 expected.Length
                  let actual = List.init expected.Length (uint64 >> CounterHash.permute seven size)
                  Expect.equal actual expected $"size {size}")

          testCase "permute, large sizes" (fun () ->
              for row in items (golden "permuteLarge") do
                  let size, index = word row[0], word row[1]
                  let actual = CounterHash.permute seven size index
                  Expect.equal actual (word row[2]) $"size {size}, index {index}")

          testCase "affinePermutation" (fun () ->
              for row in items (golden "affinePermutation") do
                  let size = row[0].GetUInt64()
                  let actual = CounterHash.affinePermutation (CounterHash.child size seven) size
                  Expect.equal actual (struct (row[1].GetUInt64(), row[2].GetUInt64())) $"size {size}") ]
