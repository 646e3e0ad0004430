module MappingNets.Core.Tests.ModulationTests

open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.MappingExamples
open MappingNets.Core.Tests.Refusals

[<Tests>]
let tests =
    let z () = hashed 31UL "z" [ 5L ]

    testList
        "modulation"
        [ for name in modulationNames do
              test $"{name}: the shift is M(z) z, the row mean the mean of M(z)'s rows" (fun () ->
                  let z = z ()
                  let modulation = modulation name 19L 5
                  let matrix = modulationMatrix modulation 19L z
                  same "shift" (matrix.mv z) ((Modulation.shift modulation z).expand 19L)
                  same "row mean" (matrix.mean [| 0L |]) (Modulation.rowMean modulation z))

          test "the additive shift is alpha ||z||^2 in every row" (fun () ->
              let shift = Modulation.shift (AdditiveModulation 0.25) (vector [ 3.0; 4.0 ])
              same "shift" (scalar 6.25) shift)

          test "the general one is sum_k B_jik z_k" (fun () ->
              let map = hashed 32UL "map" [ 2L; 3L; 3L ]
              let z = hashed 31UL "z" [ 3L ]

              let byHand =
                  [ for j in 0L .. 1L ->
                        List.sum
                            [ for i in 0L .. 2L do
                                  for k in 0L .. 2L -> map[j, i, k].ToDouble() * z[k].ToDouble() * z[i].ToDouble() ] ]

              same "shift" (vector byHand) (Modulation.shift (LinearModulation map) z))

          test "its name tells its parameter" (fun () ->
              Expect.equal (Modulation.describe (AdditiveModulation 0.01)) "additive(0.01)" "additive"
              Expect.equal (Modulation.describe NoModulation) "none" "none"
              Expect.equal (Modulation.describe (modulation "custom" 2L 2)) "waves" "custom") ]

[<Tests>]
let refusals =
    let check modulation =
        fun () -> Modulation.check modulation 19L 5

    testList
        "modulation refuses"
        [ refuses "a strength that is no number" "modulation" "NaN" (check (AdditiveModulation nan))
          refuses "an infinite strength" "modulation" "alpha is Infinity" (check (AdditiveModulation infinity))
          refuses "a map of another shape" "modulation" "(19, 5)" (fun () ->
              check (LinearModulation(torch.zeros (19L, 5L))) ())
          refuses "a nameless function" "modulation" "name" (check (Modulation.ofMatrix "" id)) ]
