/// Values made by another program, tests/golden/counter_hash.py.
module MappingNets.Core.Tests.GoldenValues

open System
open System.Globalization
open System.IO
open System.Text.Json
open MappingNets
open MappingNets.Core

let private document =
    lazy
        (let path = Path.Combine(AppContext.BaseDirectory, "golden", "counter_hash.json")
         JsonDocument.Parse(File.ReadAllText path))

let golden (name: string) =
    document.Value.RootElement.GetProperty name

let field (name: string) (element: JsonElement) = element.GetProperty name
let items (element: JsonElement) = element.EnumerateArray() |> Seq.toList

let text (element: JsonElement) =
    match element.GetString() with
    | null -> failwith "The golden file has a null where it should have text."
    | text -> text

let word element =
    UInt64.Parse(text element, NumberStyles.HexNumber)

/// The bits of a sequence of floats, "3f000000 bf800000".
let floatBits element =
    (text element).Split ' '
    |> Array.map (fun part -> UInt64.Parse(part, NumberStyles.HexNumber))

let kindOf element =
    match text element with
    | "Hadamard" -> FixedWeightsKind.Hadamard
    | "SignedPermutation" -> FixedWeightsKind.SignedPermutation
    | other -> failwith $"The golden file names the unknown kind '{other}'."
