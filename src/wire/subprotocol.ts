/** The subprotocols, the preferred one first. */
export const subprotocols = ['eddy.v1.proto', 'eddy.v1.json'] as const;

export type Subprotocol = (typeof subprotocols)[number];

/** What a socket sends: bytes on `eddy.v1.proto`, text on `eddy.v1.json`. */
export type WireData = Uint8Array<ArrayBuffer> | string;

export function isSubprotocol(name: string): name is Subprotocol {
  return (subprotocols as readonly string[]).includes(name);
}
