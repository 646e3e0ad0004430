/// How far the weights that single precision generates are from those of exact arithmetic.
module MappingNets.Core.Tests.TensorShiftTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

/// The distance of g(z) in single precision from g(z) in double precision, and the bound of it.
let private rounded (mapping: Mapping) (latent: torch.Tensor) =
    let single = latent.to_type torch.float32
    let precise = single.to_type torch.float64

    let distance =
        norm ((mapping.Generate single).to_type torch.float64 - mapping.Generate precise)

    let bound =
        TensorShift.ofMapping mapping precise null
        |> Array.sumBy (fun shift -> shift.Rounding 0.0 * shift.Rounding 0.0)
        |> sqrt

    distance, bound

[<Tests>]
let tests =
    testList
        "Tensor shift"
        [ test "a modulation that cancels itself is rounded like its parts" (fun () ->
              let half = array2D [ [ 0.0; 1e4 ]; [ -1e4; 0.0 ] ]
              let map = torch.tensor (half, dtype = torch.float64)

              use mapping =
                  Mapping.create
                      (ParameterLayout.create [ "a.weight", [| 2L |], 1L ])
                      { Mapping.singleLatent 2 with
                          Modulations = [| LinearModulation(torch.stack ([| map; map |], 0L)) |]
                          Scale = ExplicitScale [| 1.0 |]
                          Bias = MappingBias.Zero
                          Start = UniformStart 1.0 }

              // z^T B z is 0, and what single precision makes of it is not.
              let distance, bound = rounded mapping (vector [ 0.91423255; -0.98858172 ])
              Expect.isGreaterThan distance 1e-4 "it is rounded"
              Expect.isLessThanOrEqual distance bound "within the bound")

          test "what is proven includes the rounding of computing it" (fun () ->
              let layout = ParameterLayout.create [ "a.weight", [| 3L |], 1L ]

              use plan =
                  FineTuning.plan layout [ "a.weight" ] 1 3L WeightGrouping.Contiguous (CounterHash.ofSeed 5UL)

              use mapping =
                  Mapping.create
                      layout
                      { Mapping.singleLatent 1 with
                          TrainableScale = true
                          Scale = ExplicitScale [| 1.0 |]
                          Bias = MappingBias.Zero
                          Start = UniformStart 1.0 }

              // Three weights of 1 have the norm sqrt 3, which double precision rounds down.
              let tiny = Math.ScaleB(1.0, -60)
              let grouped = TensorShift.ofGroups plan 1.0 (vector [ 1.0 ])
              let scaled = TensorShift.ofMapping mapping (vector [ 1.0 ]) (vector [ 0.0 ])

              for name, reached in
                  [ "one group of three", grouped[0].Moves 1.0
                    "a trained scale", scaled[0].Moves tiny / tiny ] do
                  // The sign of this is exact.
                  Expect.isGreaterThanOrEqual (Math.FusedMultiplyAdd(reached, reached, -3.0)) 0.0 name
                  Expect.isLessThan reached (sqrt 3.0 * (1.0 + 1e-13)) $"{name}: close")

          property "whatever the mapping: what is generated in single precision is within the bound" (fun random ->
              use mapping = mapping random
              let distance, bound = rounded mapping (uniform random (int64 mapping.LatentCount))
              Expect.isLessThanOrEqual distance bound "within the bound")

          test "nothing is known of a mapping with trainable scales without them" (fun () ->
              use mapping =
                  Mapping.create
                      (ParameterLayout.create [ "a.weight", [| 4L |], 1L ])
                      { Mapping.singleLatent 2 with
                          TrainableScale = true }

              raises<ArgumentNullException> [ "scales"; "trainable" ] (fun () ->
                  TensorShift.ofMapping mapping (vector [ 1.0; 1.0 ]) null |> ignore)

              TensorShift.ofMapping mapping (vector [ 1.0; 1.0 ]) (vector [ 10.0 ]) |> ignore)

          test "bad input is refused under the argument's own name" (fun () ->
              let layout = ParameterLayout.create [ "a.weight", [| 3L |], 1L ]

              use plan =
                  FineTuning.plan layout [ "a.weight" ] 1 3L WeightGrouping.Contiguous (CounterHash.ofSeed 5UL)

              let ones (shape: int64[]) =
                  torch.ones (shape, dtype = torch.float64)

              let refuses parts (work: unit -> 'T) =
                  raises<ArgumentException> parts (work >> ignore)

              for strength in [ nan; infinity ] do
                  refuses [ "'strength'"; $"{strength}" ] (fun () ->
                      TensorShift.ofGroups plan strength (vector [ 1.0 ]))

                  refuses [ "'strength'"; $"{strength}" ] (fun () ->
                      TensorShift.ofLowRank strength (ones [| 2L; 5L |]) (ones [| 4L; 2L |]))

              let refusesFactors parts a b =
                  refuses parts (fun () -> TensorShift.ofLowRank 1.0 a b)

              refusesFactors [ "'a'"; "(2)" ] (ones [| 2L |]) (ones [| 4L; 2L |])
              refusesFactors [ "'b'"; "(2)" ] (ones [| 2L; 5L |]) (ones [| 2L |])
              refusesFactors [ "'a'"; "NaN" ] (ones [| 2L; 5L |] * nan) (ones [| 4L; 2L |])

              refusesFactors [ "'b'"; "(4, 3)"; "(2, 5)"; "must be (m, 2)" ] (ones [| 2L; 5L |]) (ones [| 4L; 3L |]))

          test "sums of more than 2^24 numbers have no bound, and none that is negative" (fun () ->
              Expect.equal (TensorShift.gamma 16_777_216.0) infinity "2^24"
              Expect.equal (TensorShift.gamma 1e9) infinity "beyond"
              Expect.isGreaterThan (TensorShift.gamma 16_777_215.0) 1e6 "just before") ]
