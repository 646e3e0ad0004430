module MappingNets.Core.Tests.LatentSplitTests

open Expecto
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.MappingExamples
open MappingNets.Core.Tests.Refusals

let private layoutOf (sizes: int64 list) =
    sizes
    |> List.mapi (fun index size -> $"layer{index}.weight", [| size |], 1L)
    |> ParameterLayout.create

let private counts split =
    match split with
    | LayerWise counts -> Array.map snd counts
    | SingleLatent count -> failtest $"A split over layers came out as one latent of {count}."

/// The four layers of the paper's CNN2.
let private cnn2 = layoutOf [ 160L; 4_640L; 102_528L; 1_290L ]

/// 1 to 8 layers of 1 to about 100,000 weights, a power from -2 to 3, and a budget that fits.
let private example seed =
    let sizes =
        [ for layer in 1 .. hashedSize seed "layers" 1 8 ->
              int64 (hashedSize seed $"{layer}" 1 (1 <<< hashedSize seed $"size{layer}" 0 17)) ]

    let most = int (List.sum sizes)
    let power = float (hashedSize seed "power" -8 12) / 4.0
    sizes, power, hashedSize seed "budget" sizes.Length most

[<Tests>]
let tests =
    testList
        "latent split"
        [ testPropertyWithConfig
              { FsCheckConfig.defaultConfig with
                  maxTest = 500 }
              "the power rule spends the budget exactly, at least 1 and at most P_l a layer"
              (fun seed ->
                  let sizes, power, budget = example seed
                  let layout = layoutOf sizes
                  let split = LatentSplit.byPower power budget layout
                  let message = $"{sizes}, power {power}, budget {budget}"
                  Expect.equal (LatentSplit.count split) budget message
                  LatentSplit.check split layout

                  for count, size in Seq.zip (counts split) sizes do
                      Expect.isGreaterThanOrEqual count 1 message
                      Expect.isLessThanOrEqual (int64 count) size message)

          testProperty "layers that are neither full nor at their one latent share as the rule says" (fun seed ->
              let sizes, power, budget = example seed

              let free =
                  Array.zip (counts (LatentSplit.byPower power budget (layoutOf sizes))) (List.toArray sizes)
                  |> Array.filter (fun (count, size) -> count > 1 && int64 count < size)
                  |> Array.map (fun (count, size) -> float (count - 1), float size ** power)

              // Each is within one latent of its share of what they have together.
              let total, shares = Array.sumBy fst free, Array.sumBy snd free

              for count, share in free do
                  Expect.isLessThan (abs (count - total * share / shares)) (1.0 + float sizes.Length) $"seed {seed}")

          testProperty "a split by energy spends the budget, at least 1 and at most P_l a layer" (fun seed ->
              let sizes, _, budget = example seed
              let layout = layoutOf sizes

              let energies =
                  Array.init sizes.Length (fun layer ->
                      if layer = 0 then
                          1.0
                      else
                          float (hashedSize seed $"energy{layer}" 0 1000))

              let split = LatentSplit.byEnergy energies budget layout
              Expect.equal (LatentSplit.count split) budget $"seed {seed}"
              LatentSplit.check split layout)

          testCase "a split by energy shares by the root of energy times weights" (fun () ->
              let layout = layoutOf [ 400L; 100L; 100L; 900L ]
              // Beside one each, 96 by 20 : 20 : 10 : 0.02, a thousandth of the largest.
              let actual = counts (LatentSplit.byEnergy [| 1.0; 4.0; 1.0; 0.0 |] 100 layout)
              Expect.equal actual [| 40; 39; 20; 1 |] "latents"
              let full = counts (LatentSplit.byEnergy [| 1.0; 4e6; 1.0; 0.0 |] 150 layout)
              Expect.equal full[1] 100 "a full layer")

          testCase "energies that are no energies are refused" (fun () ->
              let layout = layoutOf [ 40L; 10L ]

              for energies, message in
                  [ [| 1.0 |], "1 energies for 2 layers"
                    [| 1.0; -1.0 |], "negative"
                    [| nan; 1.0 |], "no finite"
                    [| 0.0; 0.0 |], "all energies" ] do
                  Expect.throwsC (fun () -> LatentSplit.byEnergy energies 5 layout |> ignore) (fun fault ->
                      Expect.stringContains (fault.Message.ToLowerInvariant()) message "message"))

          testCase "CNN2 with 2,688 latents and power 1/4: the first layer is full" (fun () ->
              // The re-run gave its 160 weights 268 latents; here it gets 160 and leaves the rest to the others:
              // 1 + 2525 * P^(1/4) / sum P^(1/4) = 649.4, 1406.8, 471.8.
              let actual = counts (LatentSplit.byPower 0.25 2_688 cnn2)
              Expect.equal actual [| 160; 649; 1_407; 472 |] "latents")

          testCase "without a full layer the re-run's own split comes out" (fun () ->
              let wide = layoutOf [ 16_000L; 464_000L; 10_252_800L; 129_000L ]
              // 268/622/1347/451 by P^(1/4), up to the one latent that every layer keeps.
              let actual = counts (LatentSplit.byPower 0.25 2_688 wide)

              for count, expected in Array.zip actual [| 268; 622; 1_347; 451 |] do
                  Expect.isLessThanOrEqual (abs (count - expected)) 1 $"{count} beside {expected}")

          testCase "power 0 is an equal split, power 1 a proportional one" (fun () ->
              let layout = layoutOf [ 100L; 300L; 600L ]
              Expect.equal (counts (LatentSplit.byPower 0.0 99 layout)) [| 33; 33; 33 |] "equal"
              Expect.equal (counts (LatentSplit.byPower 1.0 103 layout)) [| 11; 31; 61 |] "proportional")

          testCase "the smallest and the largest budget" (fun () ->
              Expect.equal (counts (LatentSplit.byPower 0.25 4 cnn2)) [| 1; 1; 1; 1 |] "one a layer"
              let most = counts (LatentSplit.byPower 0.25 108_618 cnn2)
              Expect.equal most [| 160; 4_640; 102_528; 1_290 |] "one a weight")

          testCase "extreme powers fill the largest or the smallest layers first" (fun () ->
              for power in [ 300.0; 1e300 ] do
                  let actual = counts (LatentSplit.byPower power 104_000 cnn2)
                  Expect.equal actual [| 1; 1_470; 102_528; 1 |] $"power {power}"
                  let actual = counts (LatentSplit.byPower -power 1_000 cnn2)
                  Expect.equal actual [| 160; 1; 1; 838 |] $"power {-power}") ]

[<Tests>]
let refusals =
    let check counts =
        fun () -> LatentSplit.check (LayerWise counts) layout

    testList
        "latent split refuses"
        [ refuses "a power that is no number" "power" "NaN" (fun () -> LatentSplit.byPower nan 100 cnn2 |> ignore)
          refuses "a budget below one a layer" "budget" "3" (fun () -> LatentSplit.byPower 0.25 3 cnn2 |> ignore)
          refuses "a budget above P" "budget" "108619" (fun () -> LatentSplit.byPower 0.25 108_619 cnn2 |> ignore)
          refuses "a single latent of 0" "split" "0" (fun () -> LatentSplit.check (SingleLatent 0) layout)
          refuses "a single latent above P" "split" "20" (fun () -> LatentSplit.check (SingleLatent 20) layout)
          refuses "a missing layer" "split" "[conv1]" (check [| "conv1", 3 |])
          refuses "an unknown layer" "split" "conv2" (check [| "conv1", 3; "conv2", 3 |])
          refuses "layers out of order" "split" "[fc, conv1]" (check [| "fc", 3; "conv1", 3 |])
          refuses "a layer without latents" "split" "layer 'fc'" (check [| "conv1", 3; "fc", 0 |])
          refuses "a layer with more latents than weights" "split" "10" (check [| "conv1", 3; "fc", 10 |]) ]
