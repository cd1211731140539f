/** The client keeps the ids of its prepared statements when the node under it changes: they are translated from then on. */

/** Ids that no node hands out first: for statements whose id on the new node the client knows as another one. */
const ownIdsFrom = 0x4000_0000;

export class StatementIds {
  /** Null while both sides use the same ids. */
  private onNode: Map<number, number> | null = null;
  private nextOwn = ownIdsFrom;

  /** @param nodeIds the new node's id of every statement that the client has */
  moved(nodeIds: ReadonlyMap<number, number>): void {
    this.onNode = new Map(nodeIds);
  }

  /** After COM_RESET_CONNECTION and COM_CHANGE_USER no statement is left. */
  reset(): void {
    if (this.onNode) this.onNode = new Map();
  }

  get translates(): boolean {
    return this.onNode !== null;
  }

  /** What the node calls the client's statement; the same id where it does not know it. */
  forNode(clientId: number): number {
    return this.onNode?.get(clientId) ?? clientId;
  }

  /** The node prepared a statement. @returns its id for the client */
  prepared(nodeId: number): number {
    if (!this.onNode) return nodeId;
    const clientId = this.onNode.has(nodeId) ? this.nextOwn++ : nodeId;
    this.onNode.set(clientId, nodeId);
    return clientId;
  }

  forget(clientId: number): void {
    this.onNode?.delete(clientId);
  }
}
