module MappingNets.Core.Tests.ParameterLayoutTests

open System.Collections.Generic
open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.MappingExamples
open MappingNets.Core.Tests.Refusals

let private oneTensor shape fanIn = [ "w", shape, fanIn ]

[<Tests>]
let tests =
    testList
        "parameter layout"
        [ test "offsets follow each other and end at P" (fun () ->
              let places = layout.Entries |> Array.map (fun entry -> entry.Offset, entry.Count)
              Expect.equal places [| 0L, 8L; 8L, 2L; 10L, 6L; 16L, 3L |] "offset and count"
              Expect.equal layout.Count 19L "P"

              let layers =
                  layout.Layers
                  |> Array.map (fun layer -> layer.Name, layer.Entries.Length, layer.Offset, layer.Count)

              Expect.equal layers [| "conv1", 2, 0L, 10L; "fc", 2, 10L, 9L |] "layers"

              Expect.equal
                  (string layout)
                  "4 tensors, P = 19: conv1.weight(2, 1, 2, 2); conv1.bias(2); fc.weight(3, 2); fc.bias(3)"
                  "text")

          test "split cuts theta in order, and join undoes it" (fun () ->
              let theta = torch.arange (19L, dtype = torch.float64)
              let parts = layout.Split theta
              Expect.equal (parts |> Array.map _.shape) (layout.Entries |> Array.map _.Shape) "shapes"
              let entry = parts[2].[1L, 0L]
              Expect.equal (entry.ToDouble()) 12.0 "fc.weight[1, 0]"
              same "joined" theta (layout.Join parts))

          test "split gives views, and the gradient comes back whole" (fun () ->
              let theta = hashed 1UL "theta" [ 19L ]
              let factors = hashed 1UL "factors" [ 19L ]

              let weighted (theta: torch.Tensor) =
                  let parts = Seq.zip (layout.Split theta) (layout.Split factors)

                  parts
                  |> Seq.map (fun (part, factor) -> (part * factor).sum ())
                  |> Seq.reduce (+)

              same "gradient" factors (Differentiation.grad weighted theta))

          test "a scalar and a name without a dot" (fun () ->
              let layout =
                  ParameterLayout.create [ "temperature", [||], 1L; "gain", [| 2L |], 1L ]

              Expect.equal (layout.Split(torch.zeros 3L) |> Array.map _.shape) [| [||]; [| 2L |] |] "shapes"
              Expect.equal (layout.Find "gain").Offset 1L "offset"
              Expect.equal (layout.Find "gain").Layer "gain" "layer")

          test "layouts are equal where names, shapes and fan-ins are" (fun () ->
              let make name shape fanIn =
                  ParameterLayout.create [ name, shape, fanIn ]

              let first = make "w" [| 2L; 3L |] 3L
              Expect.equal (make "w" [| 2L; 3L |] 3L) first "equal"
              Expect.equal ((make "w" [| 2L; 3L |] 3L).GetHashCode()) (first.GetHashCode()) "hash"
              Expect.notEqual (make "v" [| 2L; 3L |] 3L) first "name"
              Expect.notEqual (make "w" [| 3L; 2L |] 3L) first "shape"
              // The fan-in decides the scale, so it decides what is generated.
              Expect.notEqual (make "w" [| 2L; 3L |] 2L) first "fan-in")

          test "an unknown name is refused by that name" (fun () ->
              let work () = layout.Find "fc.wieght" |> ignore

              Expect.throwsC work (fun error ->
                  Expect.isTrue (error :? KeyNotFoundException) "the exception"
                  Expect.stringContains error.Message "fc.wieght" "the message")) ]

[<Tests>]
let refusals =
    let create (tensors: (string * int64[] * int64) list) =
        fun () -> ParameterLayout.create tensors |> ignore

    testList
        "parameter layout refuses"
        [ refuses "nothing" "tensors" "at least one" (create [])
          refuses "an empty name" "tensors" "name" (create [ " ", [| 1L |], 1L ])
          refuses "a repeated name" "tensors" "'w' stands 2 times" (create [ "w", [| 1L |], 1L; "w", [| 1L |], 1L ])
          refuses "a name that reads like two" "tensors" "signature" (create [ "a(1); b", [| 2L |], 1L ])
          refuses "a size of 0" "tensors" "(2, 0)" (create (oneTensor [| 2L; 0L |] 1L))
          refuses "a fan-in of 0" "tensors" "fan-in 0" (create (oneTensor [| 2L |] 0L))
          refuses
              "a shape whose sizes multiply to more than 2^63"
              "tensors"
              "'w' has the shape (3, 6148914691236517206)"
              (create (oneTensor [| 3L; 6148914691236517206L |] 1L))
          refuses "more weights than 2^63 together" "tensors" "'b'"
          <| create [ "a", [| 1L <<< 62 |], 1L; "b", [| 1L <<< 62 |], 1L ]
          refuses "a layer in two places" "tensors" "'a'"
          <| create [ "a.w", [| 1L |], 1L; "b.w", [| 1L |], 1L; "a.b", [| 1L |], 1L ]
          refuses "theta of another length" "theta" "(18)" (fun () -> layout.Split(torch.zeros 18L) |> ignore)
          refuses "theta as a matrix" "theta" "(19, 1)" (fun () -> layout.Split(torch.zeros (19L, 1L)) |> ignore)
          refuses "too few tensors" "tensors" "1 were given" (fun () -> layout.Join [ torch.zeros 8L ] |> ignore)
          refuses "a tensor of another shape" "tensors" "'conv1.bias' has the shape (3)" (fun () ->
              [ torch.zeros (2L, 1L, 2L, 2L)
                torch.zeros 3L
                torch.zeros (3L, 2L)
                torch.zeros 3L ]
              |> layout.Join
              |> ignore) ]
